"""Functions that don't wait for the custom resource of the migration, and one that doesn't run each release."""

from collections.abc import Iterator

from pipeline.iam.statements import texts
from pipeline.source import secrets
from pipeline.source.functions import custom_resources, releases, served
from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        migrations = [one for one in custom_resources(stack) if "migrat" in f"{one.type} {one.id}".lower()]
        for migration in migrations:
            for name in sorted(served(stack)):
                function = stack.resources[name]
                waits = texts(function.attributes.get("DependsOn"))
                if migration.id not in waits:
                    yield at(
                        function,
                        f"{name} doesn't wait for {migration.id}",
                        "DependsOn",
                        fact=f"DependsOn {migration.id}",
                    )
            written = dig(stack.section("Resources"), migration.id, "Properties", default={})
            changing = {
                key: value for key, value in written.items() if key not in ("ServiceToken", "ServiceTimeout")
            }
            for name in sorted(refers(migration.get("ServiceToken")) & stack.resources.keys()):
                function = stack.resources[name]
                most = str(function.get("ReservedConcurrentExecutions", default="missing"))
                if most.isdigit() and int(most) > 1:
                    text = f"{name} lets {most} migrations run side by side"
                    yield at(
                        function, text, "ReservedConcurrentExecutions", fact="ReservedConcurrentExecutions"
                    )
            if not secrets.mentioned(changing) & releases(stack):
                yield at(
                    migration,
                    f"{migration.id} doesn't change with a release, so it runs once",
                    fact="a change with each release",
                )
        for resource in custom_resources(stack):
            token = refers(resource.get("ServiceToken"))
            if not any(name in stack.resources for name in token):
                yield at(
                    resource,
                    f"{resource.id} is carried out by no function of this stack",
                    "ServiceToken",
                    fact="ServiceToken",
                )
