"""Outputs that resolve a secret or hand on a parameter that holds one."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.secrets import why_secret
from pipeline.source.violations import Violation, at_template


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for name, body in stack.section("Outputs").items():
            value = body.get("Value") if isinstance(body, dict) else body
            if why := why_secret(stack, name, value):
                yield at_template(stack, f"output {name} {why}", "Outputs", name, "Value", fact="Value")
