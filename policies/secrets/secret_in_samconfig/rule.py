"""Values of samconfig.toml that are named like a secret, or look like one."""

from collections.abc import Iterator

from pipeline.source import samconfig, secrets
from pipeline.source.located import Document, Place, texts_in
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    document = project.document("samconfig.toml")
    if document is None:
        return
    for place, key, text in _values(document):
        why = secrets.form(text)
        if not why and secrets.named(key) and text and not text.startswith(("arn:", "/")):
            why = "has a name that promises a secret, and a value in plain text"
        if why:
            environment = str(place[0]) if place[0] in samconfig.environment_names(document.data) else ""
            line = document.line(*place)
            yield Violation(f"{key} {why}", document.file, line, environment=environment)


def _values(document: Document) -> Iterator[tuple[Place, str, str]]:
    """Each value with its place and name: a parameter's or a tag's by its own, also where a text has several."""
    for place, name, value in texts_in(document.data):
        if name not in ("parameter_overrides", "tags"):
            yield place, name, value
            continue
        for one in samconfig.assignments(value, tags=name == "tags"):
            if isinstance(one, samconfig.Assignment):
                yield place, one.name, one.value
            else:  # told by override_valid; whatever it is, it may hold a secret
                key, _, text = value.partition("=")
                yield place, key, text.strip("\"'")
