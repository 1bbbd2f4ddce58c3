"""Environment variables that hold, resolve or hand on a secret."""

from collections.abc import Iterator

from pipeline.gate import secrets
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at
from pipeline.gate.stacks import dig


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type("AWS::Lambda::Function"):
            body = stack.section("Resources")[resource.id]
            written = dig(body, "Properties", "Environment", "Variables", default={})
            for name, value in written.items() if isinstance(written, dict) else ():
                if why := secrets.why_secret(stack, name, value):
                    yield at(resource, f"environment variable {name} {why}", "Environment", "Variables", name)
