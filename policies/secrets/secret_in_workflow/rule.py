"""Literal secrets, stored cloud keys and secrets handed on in workflows and actions."""

import re
from collections.abc import Iterator

from pipeline.source import secrets
from pipeline.source.located import texts_in
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document

_CLOUD_KEYS = re.compile(
    r"aws[-_](access[-_]key[-_]id|secret[-_]access[-_]key|session[-_]token)", re.IGNORECASE
)
_STORED = re.compile(r"\$\{\{[^}]*\b(secrets\.(?!GITHUB_TOKEN\b)\w+)")
_VARIABLE = re.compile(r"\$\{\{[^}]*\bvars\.(\w+)")
_NAMED = re.compile(r"\b(?:secrets|vars)(?:\.|\[['\"])\w+")
_ALLOWED = re.compile(r"^\s*\$\{\{\s*(github\.token|secrets\.GITHUB_TOKEN)\s*\}\}\s*$")
_NOT_VALUES = {"permissions", "id-token", "needs", "secrets", "inputs", "outputs"}


def check(project: Project) -> Iterator[Violation]:
    for document in [one.document for one in project.automations]:
        for place, key, value in texts_in(document.data):
            if why := _why(place, key, value):
                fact = " ".join((document.path(*place), *sorted(set(_NAMED.findall(value)))))
                yield at_document(document, why, *place, fact=fact)


def _why(place: tuple[str | int, ...], key: str, value: str) -> str:
    if _CLOUD_KEYS.fullmatch(key):
        return f"{key} is a stored cloud key"
    if why := secrets.form(value):
        return f"{key or 'the value'} {why}"
    if (
        "secrets.AWS_" in value
        or re.search(r"secrets\[", value)
        or "toJSON(secrets)" in value.replace(" ", "")
    ):
        return f"{key or 'the value'} reads a stored cloud key, or all secrets at once"
    if found := _STORED.search(value):
        return f"{key or 'the value'} reads {found[1]}, a secret that GitHub stores; here they are in Secrets Manager"
    if (found := _VARIABLE.search(value)) and secrets.named(found[1]):
        return f"{key or 'the value'} reads a secret from the variable {found[1]}, which everybody can read"
    inside = "env" in place or "with" in place
    literal = value and "${{" not in value and value not in ("true", "false")
    if inside and secrets.named(key) and literal and not _NOT_VALUES & set(map(str, place[-1:])):
        return f"{key} is a secret in plain text"
    return ""
