"""Links out of the repository, submodules, what is committed where no rule looks, and names that systems mix up."""

from collections.abc import Iterator

from pipeline.source.blobs import odd
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    index = project.index
    names = dict.fromkeys((*project.files, *project.links, *index.submodules, *index.leftovers))
    for one in odd(tuple(names), project.links, index.submodules, project.described.folders):
        yield Violation(f"{one.file} {one.message}", one.file, 1, fact=one.fact)
