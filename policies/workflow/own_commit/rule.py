"""Checkouts of another ref or repository than the event's."""

from collections.abc import Iterator

from pipeline.source.duties import mapping
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_OWN = ("${{ github.sha }}", "${{ github.ref }}", "${{ github.repository }}")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            given = mapping(step.body.get("with"))
            for key in ("ref", "repository") if step.uses.lower().startswith("actions/checkout@") else ():
                if given.get(key) and str(given[key]).strip() not in _OWN:
                    text = f"step {step.name!r} checks out {given[key]}, not what the job was started for"
                    yield Violation(
                        text, one.file, step.line("with", key), fact=f"{step.path}: {key} {given[key]}"
                    )
