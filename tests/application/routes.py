"""The routes of the Flask application held against those that template.yaml opens."""

import inspect
import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from tests.stacks import ROOT, expanded, overrides, pseudo, resources, source

TEMPLATE = "template.yaml"
ENTRY = "app.aws.handler"  # the handler that calls the Flask application
ANY = "ANY"

type Route = tuple[str, str]  # method and path, as in ("GET", "/orders/{id}")

_VARIABLE = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<options>.*?)\))?:)?(?P<name>\w+)>")
# What a path has where a rule has a variable. Flask's `path` takes slashes, so that one folder deep isn't enough.
_EXAMPLES = {
    "int": ("7",),
    "float": ("7.5",),
    "uuid": ("5f0c7127-3be9-4488-b801-c7b6415b45e9",),
    "path": ("some-name", "some/name"),
}


def server() -> str:
    """The logical id of the function that calls the Flask application."""
    functions: list[str] = [
        name
        for name, resource in source(TEMPLATE)["Resources"].items()
        if resource.get("Properties", {}).get("Handler") == ENTRY
    ]
    assert len(functions) == 1, f"{TEMPLATE} has {functions} with Handler: {ENTRY}; one function must have it"
    return functions[0]


@cache
def opened(environment: str) -> dict[Route, tuple[str, ...]]:
    """Each route that the environment's API leads to the application, with the authorizers that it asks."""
    stack = resources(expanded(environment), {**dict(overrides(environment)), **pseudo(environment)})
    function = re.compile(rf"<{server()}(Alias\w*|\.Arn)>")
    apis = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api")
    return {
        (ANY if "any-method" in method else method.upper(), path): tuple(
            name for scheme in operation.get("security", []) for name in scheme
        )
        for resource in stack.values()
        if resource["Type"] in apis
        for path, operations in resource["Properties"].get("Body", {}).get("paths", {}).items()
        for method, operation in operations.items()
        if function.search(str(operation.get("x-amazon-apigateway-integration", {}).get("uri")))
    }


def differences(app: Flask, routes: set[Route]) -> list[str]:
    """What is answered and not open, and what is open and not answered: the route, its file, and what to do."""
    missing, used = [], set()
    for rule in _rules(app):
        for method in sorted(rule.methods or ()):
            led = {_led(method, path, routes) for path in _paths(rule)}
            used |= led
            if None in led and not _automatic(rule, method):
                missing.append(_missing(app, rule, method))
    return missing + [_unanswered(route) for route in sorted(routes - used)]


def _rules(app: Flask) -> Iterator[Rule]:
    """The rules that a request may reach; Flask has one for static files also where there is no such folder."""
    static = app.static_folder is not None and Path(app.static_folder).is_dir()
    for rule in app.url_map.iter_rules():
        if not rule.build_only and (static or rule.endpoint != "static"):
            yield rule


def _automatic(rule: Rule, method: str) -> bool:
    """Whether Flask answers the method without having been asked to: it need not be open."""
    if method == "OPTIONS":
        return bool(getattr(rule, "provide_automatic_options", True))  # Flask's, unknown to werkzeug
    return method == "HEAD" and "GET" in (rule.methods or ())


def _paths(rule: Rule) -> Iterator[str]:
    """Paths that the rule takes: every choice of `any`, an example of each other variable."""
    parts: list[tuple[str, ...]] = []
    end = 0
    for variable in _VARIABLE.finditer(rule.rule):
        parts.append((rule.rule[end : variable.start()],))
        end = variable.end()
        if variable["kind"] == "any":
            parts.append(tuple(one.strip().strip("\"'") for one in variable["options"].split(",")))
        else:
            parts.append(_EXAMPLES.get(variable["kind"] or "", ("some-name",)))
    parts.append((rule.rule[end:],))
    for choice in itertools.product(*parts):
        yield "".join(choice)


def _led(method: str, path: str, routes: set[Route]) -> Route | None:
    """The route by which API Gateway leads a request to the application.

    It takes the most specific resource, a fixed part before {one} before {more+}, and none other where that one
    lacks the method.
    """
    ranks = {one: rank for _, one in routes if (rank := _rank(one, path))}
    if not ranks:
        return None
    best = min(ranks, key=lambda one: ranks[one])
    return next((route for route in ((method, best), (ANY, best)) if route in routes), None)


def _rank(resource: str, path: str) -> tuple[int, ...] | None:
    """How loosely each part of a resource fits the path; None where it doesn't fit."""
    rank: list[int] = []
    parts = path.strip("/").split("/")
    wanted = resource.strip("/").split("/")
    for number, part in enumerate(wanted):
        if part.startswith("{") and part.endswith("+}"):
            return (*rank, 2) if len(parts) > number and parts[number] else None
        if number >= len(parts) or not (part == parts[number] or (part.startswith("{") and parts[number])):
            return None
        rank.append(int(part.startswith("{")))
    return tuple(rank) if len(parts) == len(wanted) else None


def _missing(app: Flask, rule: Rule, method: str) -> str:
    path = _VARIABLE.sub(lambda one: f"{{{one['name']}{'+' * (one['kind'] == 'path')}}}", rule.rule)
    file = Path(inspect.getfile(inspect.unwrap(app.view_functions[rule.endpoint])))
    file = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    name = method.title() + "".join(word.title() for word in re.findall(r"[A-Za-z0-9]+", path))
    return (
        f"{method} {rule.rule} ({rule.endpoint} in {file}) isn't open: API Gateway answers 403. Add to the Events of "
        f"{server()} in {TEMPLATE}:\n{name}:\n  Type: Api\n  Properties: {{ {_api()}Path: '{path}', "
        f"Method: {method}, Auth: {{ Authorizer: AWS_IAM }} }}"
    )


def _api() -> str:
    """The API of the events that are there, as an event names it."""
    events: dict[str, Any] = source(TEMPLATE)["Resources"][server()]["Properties"].get("Events", {})
    named = (event.get("Properties", {}).get("RestApiId") for event in events.values())
    api = next((one["Ref"] for one in named if isinstance(one, dict) and "Ref" in one), "")
    return f"RestApiId: !Ref {api}, " if api else ""


def _unanswered(route: Route) -> str:
    method, path = route
    return (
        f"{method} {path} is open in {TEMPLATE}, and no route of the application answers it: add one to a blueprint "
        f"in app/, or delete the event with this Path and Method from the Events of {server()}"
    )
