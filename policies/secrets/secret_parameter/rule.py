"""Parameters that are named like a secret, hide their value, or default to one."""

from collections.abc import Iterator
from typing import Any

from pipeline.source import secrets
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_template


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for name, body in (stack.source.get("Parameters") or {}).items():
            body = body if isinstance(body, dict) else {}
            default = str(body.get("Default", ""))
            if why := _why(name, body, default):
                place = ("Parameters", name, "Default") if secrets.form(default) else ("Parameters", name)
                yield at_template(
                    stack, f"parameter {name} {why}", *place, fact="Default" if place[2:] else "a secret"
                )


def _why(name: str, body: dict[str, Any], default: str) -> str:
    if why := secrets.form(default):
        return f"has a default that {why}"
    silent = str(body.get("NoEcho", "")).lower() == "true"
    if secrets.named(name):
        return "is named like a secret" + ("" if silent else ", and without NoEcho it is shown to everybody")
    return "is hidden by NoEcho, so it carries a secret" if silent else ""
