"""Environment variables that hold, resolve or hand on a secret."""

from collections.abc import Iterator

from pipeline.source import secrets
from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type("AWS::Lambda::Function"):
            body = stack.section("Resources")[resource.id]
            written = dig(body, "Properties", "Environment", "Variables", default={})
            for name, value in written.items() if isinstance(written, dict) else ():
                if why := secrets.why_secret(stack, name, value):
                    yield at(
                        resource,
                        f"environment variable {name} {why}",
                        "Environment",
                        "Variables",
                        name,
                        fact=name,
                    )
