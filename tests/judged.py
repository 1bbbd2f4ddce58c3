"""This repository as the gate reads it, once for all tests of a process; to be read, not changed."""

from functools import cache

from pipeline.base.run import CHECKOUT
from pipeline.source.project import Project


@cache
def repository() -> Project:
    """The project of this checkout."""
    return Project.load(CHECKOUT)
