"""Parameters, conditions and mappings that the template doesn't use."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.located import texts_in
from pipeline.source.project import Project
from pipeline.source.values import mentioned
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks[:1] + project.bootstrap[:1]:
        used = _used(
            {key: value for key, value in stack.source.items() if key not in ("Parameters", "Mappings")}
        )
        for section in ("Parameters", "Mappings", "Conditions"):
            for name in stack.source.get(section) or {}:
                if name not in used:
                    line = stack.document.line(section, name)
                    yield Violation(f"nothing uses {name}", stack.document.file, line, name, fact=section)


def _used(value: Any) -> set[str]:
    """Every name that is mentioned, by whatever function."""
    return mentioned(value) | {text for _, _, text in texts_in(value)}
