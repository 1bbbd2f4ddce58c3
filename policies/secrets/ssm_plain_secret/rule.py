"""AWS::SSM::Parameter with a secret as its value."""

from collections.abc import Iterator

from pipeline.gate import secrets
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at
from pipeline.gate.stacks import dig


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type("AWS::SSM::Parameter"):
            name = str(resource.get("Name", default=resource.id))
            written = dig(stack.section("Resources"), resource.id, "Properties", "Value")
            why = secrets.why_secret(stack, name.rsplit("/", 1)[-1], written)
            why = why or secrets.why_secret(stack, resource.id.removesuffix("Parameter"), written)
            if why:
                yield at(resource, f"the value of {name} {why}", "Value")
