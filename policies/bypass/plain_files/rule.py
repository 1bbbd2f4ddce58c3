"""Links out of the repository, submodules, and names that some systems take for each other."""

from collections.abc import Iterator

from pipeline.source.blobs import odd
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    names = (*project.files, *(one for one in project.links if one not in project.files), *project.submodules)
    for one in odd(names, project.links, project.submodules, project.described.folders):
        yield Violation(f"{one.file} {one.message}", one.file, 1, fact=one.fact)
