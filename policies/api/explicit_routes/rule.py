"""Routes that take every method, or every path."""

from collections.abc import Iterator

from pipeline.source.functions import routes
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for route in routes(stack):
            if route.method == "ANY":
                yield route.violation(f"{route.path} takes every method")
            elif "+}" in route.path or "$default" in route.path:
                yield route.violation(f"{route.path} takes every path")
