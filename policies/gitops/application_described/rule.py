"""What samconfig.toml says of the application and can't be taken, or doesn't fit the template and the repository."""

import re
from collections.abc import Iterator

from pipeline.source.application import settle
from pipeline.source.configuration import APPLICATION as TABLE
from pipeline.source.environments import SAMCONFIG
from pipeline.source.fitting import misfits
from pipeline.source.functions import Route, routes
from pipeline.source.packages import LOCK
from pipeline.source.project import APPLICATION, Project
from pipeline.source.stacks import Stack
from pipeline.source.violations import Violation, at_document

_ASKING = ("GET", "ANY")


def check(project: Project) -> Iterator[Violation]:
    settings, template = project.document(SAMCONFIG), project.document(APPLICATION)
    if settings is None or template is None:
        return
    application, faults = settle(settings.data)
    for fault in faults:
        yield Violation(fault.told, SAMCONFIG, settings.line(*fault.place))
    if faults:
        return
    lock, pyproject = project.text(LOCK), project.document("pyproject.toml")
    for one in misfits(application, settings, template, pyproject, lock, project.files):
        if not one.resource:  # a function's code is own_code's
            yield Violation(one.message, one.file, one.line)
    for stack in project.application:
        for path in (*application.health, application.version):
            place = ("health", application.health.index(path)) if path in application.health else ("version",)
            if why := _unanswered(stack, path):
                yield at_document(settings, f"{stack.environment.name}: {why}", TABLE, *place)


def _unanswered(stack: Stack, path: str) -> str:
    """Why a deployment that asks for the path without credentials would get no answer of the application."""
    if any(stack.of_type("AWS::ApiGateway::Method")):
        return ""  # their paths are known in AWS alone
    answering = [route for route in routes(stack) if route.method in _ASKING and _covers(route, path)]
    if not answering:
        return f"no route of {stack.document.file} answers GET {path}"
    if not any(route.open for route in answering):
        return f"GET {path} asks who calls, and a deployment asks it without credentials"
    return ""


def _covers(route: Route, path: str) -> bool:
    parts = re.split(r"(\{[^}]*\})", route.path)
    pattern = "".join(
        (".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    )
    return route.path == "$default" or re.fullmatch(pattern, path) is not None
