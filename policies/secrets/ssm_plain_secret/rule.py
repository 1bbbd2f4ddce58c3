"""AWS::SSM::Parameter with a secret as its value."""

from collections.abc import Iterator

from pipeline.source import secrets
from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type("AWS::SSM::Parameter"):
            name = str(resource.get("Name", default=resource.id))
            written = dig(stack.section("Resources"), resource.id, "Properties", "Value")
            why = secrets.why_secret(stack, name.rsplit("/", 1)[-1], written)
            why = why or secrets.why_secret(stack, resource.id.removesuffix("Parameter"), written)
            if why:
                yield at(resource, f"the value of {name} {why}", "Value", fact="Value")
