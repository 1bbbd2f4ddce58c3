"""Outputs that resolve a secret or hand on a parameter that holds one."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at_template
from pipeline.gate.secrets import why_secret


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for name, body in stack.section("Outputs").items():
            value = body.get("Value") if isinstance(body, dict) else body
            if why := why_secret(stack, name, value):
                yield at_template(stack, f"output {name} {why}", "Outputs", name, "Value")
