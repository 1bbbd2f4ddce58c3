"""Routes without authorisation, beside health, version and what security lets be open."""

from collections.abc import Iterator

from pipeline.source.functions import routes
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document

_READING = ("GET", "HEAD")


def check(project: Project) -> Iterator[Violation]:
    described, settings = project.described, project.settings
    public = {f"{method} {path}" for method in _READING for path in (*described.health, described.version)}
    opened: set[str] = set()
    for stack in project.stacks:
        for route in routes(stack):
            name = f"{route.method} {route.path}"
            if not route.open or route.method == "OPTIONS":
                continue
            opened.add(name)
            if name not in public and not settings.lets_open(route.method, route.path):
                yield route.violation(f"{name} is open to everybody")
    if settings.document is not None:
        for name, place in settings.open_routes.items():
            if project.stacks and name not in opened:
                yield at_document(
                    settings.document, f"{name} may be open, and is no open route", *place, fact=name
                )
