"""Routes that take every method, or every path, beside those of the catch-all that security lets there be."""

from collections.abc import Iterator

from pipeline.source.functions import routes
from pipeline.source.project import Project
from pipeline.source.routing import caught
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    catching = caught(project.settings, project.described)
    for stack in project.stacks:
        for route in routes(stack):
            if (route.method, route.path) in catching:
                continue
            if route.method == "ANY":
                yield route.violation(f"{route.path} takes every method")
            elif "+}" in route.path or "$default" in route.path:
                yield route.violation(f"{route.path} takes every path")
