"""Values of samconfig.toml that are named like a secret, or look like one."""

from collections.abc import Iterator

from pipeline.gate import secrets
from pipeline.gate.located import texts_in
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation


def check(project: Project) -> Iterator[Violation]:
    document = project.document("samconfig.toml")
    if document is None:
        return
    for place, name, value in texts_in(document.data):
        key, text = name, value
        if "=" in value and name in ("parameter_overrides", "tags"):
            key, _, text = value.partition("=")
            text = text.strip("\"'")
        why = secrets.form(text)
        if not why and secrets.named(key) and text and not text.startswith(("arn:", "/")):
            why = "has a name that promises a secret, and a value in plain text"
        if why:
            environment = str(place[0]) if place else ""
            line = document.line(*place)
            yield Violation(f"{key} {why}", document.file, line, environment=environment)
