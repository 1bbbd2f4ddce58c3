"""Modules and packages at the top of the repository, where they take the place of others."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_CODE = re.compile(r"\.(py|pyc|pyd|so|pth)$")


def check(project: Project) -> Iterator[Violation]:
    told = set()
    for file in filter(_CODE.search, sorted(project.files)):
        top, _, below = file.partition("/")
        if (top in project.roots and below) or top in told:
            continue
        if below and not top.isidentifier():
            continue  # no import can name it
        told.add(top)
        name = f"the package {top}" if below else top
        yield Violation(f"{name} lies where it can take another's place", file, 1)
