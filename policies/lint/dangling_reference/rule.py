"""Actions of this repository that a step names, and that aren't there.

Of a template cfn-lint tells it, and of a called workflow actionlint.
"""

from collections.abc import Iterator
from posixpath import normpath

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_FILES = ("action.yml", "action.yaml", "Dockerfile")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            there = {normpath(f"{step.uses}/{name}") for name in _FILES} & project.files.keys()
            if step.uses.startswith("./") and not there:
                yield Violation(
                    f"there is no action {step.uses}", one.file, step.line("uses"), fact=step.uses
                )
