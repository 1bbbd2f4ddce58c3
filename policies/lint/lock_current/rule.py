"""Packages that pyproject.toml asks for, and uv.lock doesn't know."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from pipeline.gate.duties import mapping
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at_document

_LOCK = "uv.lock"


def check(project: Project) -> Iterator[Violation]:
    document = project.document("pyproject.toml")
    if document is None or _LOCK not in project.files:
        return
    asked = mapping(mapping(document.data).get("dependency-groups"))
    locked = _locked(project.text(_LOCK))
    for group, entries in asked.items():
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            name = _name(entry) if isinstance(entry, str) else ""
            if name and name not in locked.get(group, set()):
                text = f"{name} of the group {group} is not in {_LOCK}"
                yield at_document(document, text, "dependency-groups", group, index)


def _locked(text: str) -> dict[str, set[str]]:
    """By group: the packages that the lock has for this project itself."""
    try:
        packages = tomllib.loads(text).get("package", [])
    except tomllib.TOMLDecodeError:
        return {}  # then nothing is locked
    own: dict[str, Any] = next((one for one in packages if "virtual" in one.get("source", {})), {})
    return {
        group: {each["name"] for each in found} for group, found in own.get("dev-dependencies", {}).items()
    }


def _name(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")
