"""Packages that pyproject.toml asks for, and uv.lock doesn't know."""

import tomllib
from collections.abc import Iterator
from typing import Any

from pipeline.source.duties import mapping
from pipeline.source.packages import LOCK, distribution, locked
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document


def check(project: Project) -> Iterator[Violation]:
    document = project.document("pyproject.toml")
    if document is None or LOCK not in project.files:
        return
    asked = mapping(mapping(document.data).get("dependency-groups"))
    known = _locked(project.text(LOCK))
    for group, entries in asked.items():
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            name = distribution(entry) if isinstance(entry, str) else ""
            if name and name not in known.get(group, set()):
                text = f"{name} of the group {group} is not in {LOCK}"
                yield at_document(document, text, "dependency-groups", group, index, fact=f"{group} {name}")


def _locked(text: str) -> dict[str, set[str]]:
    """By group: the packages that the lock has for this project itself."""
    try:
        packages = locked(text)
    except tomllib.TOMLDecodeError:
        return {}  # then nothing is locked
    own: dict[str, Any] = next((one for one in packages if "virtual" in one.get("source", {})), {})
    return {
        group: {each["name"] for each in found} for group, found in own.get("dev-dependencies", {}).items()
    }
