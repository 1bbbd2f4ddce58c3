"""Routes that take every method, or every path, beside those that security lets there be."""

from collections.abc import Iterator

from pipeline.source.functions import Route, routes
from pipeline.source.project import Project
from pipeline.source.routing import caught, takes_all
from pipeline.source.settings import Settings
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    catching = caught(project.settings, project.described)
    for stack in project.stacks:
        for route in routes(stack):
            if (route.method, route.path) in catching:
                continue
            if route.method == "ANY":
                yield route.violation(f"{route.path} takes every method")
            elif takes_all(route.path) and not _named(route, project.settings):
                yield route.violation(f"{route.path} takes every path")


def _named(route: Route, settings: Settings) -> bool:
    """Whether security opened it by its whole name, such as `GET /static/{filename+}`; a preflight goes with it."""
    if route.method == "OPTIONS":
        return any(name.partition(" ")[2] == route.path for name in settings.open_routes)
    return settings.lets_open(route.method, route.path)
