"""Writes the routes of a template: into the API's OpenAPI body, with one permission a function, in place of events.

A SAM event makes a permission each, about 371 bytes of the 20,480 that a function's resource policy may have. What
else the template says stays as it is, to the letter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.base.errors import ConfigurationError
from pipeline.source.functions import METHODS, Route, routes, through_aliases
from pipeline.source.located import Document, Place
from pipeline.source.project import APPLICATION, Project
from pipeline.source.routing import ANY, Wanted, imported_as, opened, servers, wanted
from pipeline.source.stacks import Stack, dig
from pipeline.source.values import mentioned, refers

_API, _FUNCTION = "AWS::Serverless::Api", "AWS::Serverless::Function"
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_FUNCTIONS = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
# What an event can say that is said of a route in the body too.
_SAID = {"RestApiId", "Path", "Method", "Auth"}
_BY_HAND = (
    "Nothing was written. Write it by hand, or bring it into the form of docs/your-application.md, 'Routes'."
)


@dataclass(frozen=True)
class Written:
    """The template's text with the routes in it, and what they are."""

    before: str
    after: str
    routes: tuple[Wanted, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]


def written(project: Project, root: Path) -> Written:
    """The template with the routes that the application has. Nothing is written.

    Raises ConfigurationError, UrlMapError and ToolError.
    """
    if not project.application:
        problem = next(iter(project.problems), None)
        raise ConfigurationError(
            f"{APPLICATION} can't be read: {problem.message if problem else 'it is missing'}.",
            "Run: bin/pipeline policy",
        )
    stack = imported_as(project)
    found = {server.function.id: server for server in servers(project, stack, root)}
    if not found:
        raise ConfigurationError(
            f"No function of {APPLICATION} has a Flask application in its handler's module.",
            "Its handler must lie in a module with the application as `application` or `app`.",
        )
    name = _api(stack, found)
    led = {function: opened(stack, stack.resources[function]) for function in found}
    mine = {function: wanted(project, server, stack, led[function]) for function, server in found.items()}
    _apart(mine)
    others = [one for one in routes(stack) if one.api.id == name and not _leads(stack, one, found)]
    template = _Template(stack.document, name)
    after = template.rewritten(stack, mine, others)
    _proven(project, name, after, {(one.method, one.path): one for ones in mine.values() for one in ones})
    before = {f"{one.method} {one.path}" for ones in led.values() for one in ones}
    now = {f"{one.method} {one.path}" for ones in mine.values() for one in ones}
    return Written(
        stack.document.text,
        after,
        tuple(one for ones in mine.values() for one in ones),
        tuple(sorted(now - before)),
        tuple(sorted(before - now)),
    )


def _leads(stack: Stack, route: Route, functions: Iterable[str]) -> bool:
    return not through_aliases(stack, route.targets).isdisjoint(functions)


def _apart(mine: Mapping[str, Sequence[Wanted]]) -> None:
    owners: dict[tuple[str, str], str] = {}
    for function, ones in mine.items():
        for one in ones:
            other = owners.setdefault((one.method, one.path), function)
            if other != function:
                raise ConfigurationError(
                    f"{other} and {function} both answer {one.method} {one.path}.",
                    "Take the route out of one of them.",
                )


def _api(stack: Stack, functions: Iterable[str]) -> str:
    """The API in the source whose body the routes go into: that of the routes which are there, else the only one."""
    serving = {one.api.source for one in routes(stack) if _leads(stack, one, functions)}
    there = [name for name, body in stack.source["Resources"].items() if body["Type"] == _API]
    chosen = sorted(serving) or there
    if len(chosen) != 1 or chosen[0] not in there:
        raise ConfigurationError(
            f"{APPLICATION} has {len(chosen)} APIs that lead to the application ({', '.join(chosen) or 'none'}); "
            f"one of type {_API} can be written.",
            _BY_HAND,
        )
    return chosen[0]


class _Template:
    """A template's text, with the lines of its parts."""

    def __init__(self, document: Document, api: str) -> None:
        self.document, self.api = document, api
        self.rows = document.rows
        self.root = yaml.compose(document.text, Loader=_LOADER)

    def rewritten(self, stack: Stack, mine: Mapping[str, Sequence[Wanted]], others: Sequence[Route]) -> str:
        """The text with these routes in the API's body, and no event for that API."""
        edits: list[tuple[int, int, list[str]]] = list(self._without_events(stack))
        place: Place = ("Resources", self.api, "Properties")
        if dig(stack.source, *place, "DefinitionUri") is not None:
            raise ConfigurationError(f"{self.api} takes its routes from a file, DefinitionUri.", _BY_HAND)
        body = dig(stack.source, *place, "DefinitionBody")
        indent = self._indent(place)
        bodies = self._operations(stack, mine, others, body)
        if body is None:
            head = ["DefinitionBody: # bin/pipeline routes --write", "  openapi: 3.0.1", "  info:"]
            head += ["    title: !Ref AWS::StackName", '    version: "1.0"', "  paths:"]
            end = self._last(place)
            edits.append((end, end, [f"{' ' * indent}{row}" for row in head] + _indented(bodies, indent + 4)))
        elif isinstance(dig(body, "paths"), dict):
            first = self.document.line(*place, "DefinitionBody", "paths")
            depth = self._column((*place, "DefinitionBody", "paths"))
            last = self._last((*place, "DefinitionBody", "paths"))
            edits.append((first, last, _indented(bodies, depth + 2)))
        else:
            raise ConfigurationError(f"The DefinitionBody of {self.api} has no paths of its own.", _BY_HAND)
        end = self._last(("Resources", self.api))
        depth = self._column(("Resources", self.api))
        allowing = self._without_permission(stack, [*mine, *_targets(stack, others)])
        edits += [(end, end, ["", *_indented(_permission(stack, self.api, one), depth)]) for one in allowing]
        rows = list(self.rows)
        # From the end on, so that the lines above keep their numbers; at one line the first edit comes first.
        for _, (first, last, new) in sorted(
            enumerate(edits), key=lambda one: (one[1][0], one[0]), reverse=True
        ):
            rows[first:last] = new
        return "\n".join(rows) + "\n"

    def _without_events(self, stack: Stack) -> Iterator[tuple[int, int, list[str]]]:
        """What is cut out: the events that make routes of the API; all Events of a function that has no others."""
        for name, resource in stack.source["Resources"].items():
            place: Place = ("Resources", name, "Properties", "Events")
            events = dig(resource, "Properties", "Events", default={})
            if resource["Type"] != _FUNCTION or not isinstance(events, dict):
                continue
            cut = [event for event, what in events.items() if self._is_route(event, what)]
            whole = len(cut) == len(events)
            for start in [place] if cut and whole else [(*place, event) for event in cut]:
                first = self.document.line(*start) - 1
                while not whole and self.rows[first - 1].lstrip().startswith("#"):
                    first -= 1
                yield first, self._last(start), []

    def _is_route(self, event: str, what: Any) -> bool:
        given = dig(what, "Properties", default={})
        if dig(what, "Type") != "Api" or self.api not in (mentioned(given.get("RestApiId")) or {""}):
            return False
        more = (set(given) - _SAID) | (set(dig(given, "Auth", default={})) - {"Authorizer"})
        if more:
            raise ConfigurationError(
                f"The event {event} says {', '.join(sorted(more))}, which a body says otherwise.", _BY_HAND
            )
        return True

    def _operations(
        self, stack: Stack, mine: Mapping[str, Sequence[Wanted]], others: Sequence[Route], body: Any
    ) -> list[str]:
        """The rows of `paths`, each path with its methods."""
        default = dig(stack.source, "Resources", self.api, "Properties", "Auth", "DefaultAuthorizer")
        by_path: dict[str, dict[str, list[str]]] = {}
        for function, ones in mine.items():
            for one in ones:
                by_path.setdefault(one.path, {})[one.method] = _operation(stack, function, one, default)
        for route in others:
            kept = self._kept(body, route)
            targets = _targets(stack, [route])
            if kept is None and len(targets) != 1:
                raise ConfigurationError(f"{route.method} {route.path} leads to no function.", _BY_HAND)
            as_it_is = Wanted(route.method, route.path, route.open, route.authorizers)
            rows = kept if kept is not None else _operation(stack, targets[0], as_it_is, default)
            if route.method in by_path.setdefault(route.path, {}):
                raise ConfigurationError(
                    f"{route.method} {route.path} leads to {', '.join(targets)}, and the application answers it too.",
                    "Take the route out of one of them.",
                )
            by_path[route.path][route.method] = rows
        found = []
        for path in sorted(by_path):
            found.append(f"{path}:")
            for method in sorted(by_path[path], key=_rank):
                found += [f"  {row}" for row in by_path[path][method]]
        return found

    def _kept(self, body: Any, route: Route) -> list[str] | None:
        """The rows of an operation that leads elsewhere, as they stand; None where an event makes it."""
        key = next((one for one in METHODS if _upper(one) == route.method), "")
        place: Place = ("Resources", self.api, "Properties", "DefinitionBody", "paths", route.path, key)
        if dig(body, "paths", route.path, key) is None:
            return None
        column = self._column(place)
        return [row[column:] for row in self.rows[self.document.line(*place) - 1 : self._last(place)]]

    def _without_permission(self, stack: Stack, functions: Iterable[str]) -> Iterator[str]:
        """The functions that API Gateway may not call, but for what the events allowed it."""
        allowed = {
            name
            for one in stack.of_type("AWS::Lambda::Permission")
            if one.id in stack.source["Resources"] and one.get("Principal") == "apigateway.amazonaws.com"
            for name in through_aliases(stack, refers(one.get("FunctionName")))
        }
        yield from (one for one in dict.fromkeys(functions) if one not in allowed)

    # -- lines and columns --

    def _node(self, place: Place) -> tuple[Any, Any]:
        """The key's and the value's node at a place. Raises ConfigurationError in what is written in one line."""
        key, node = None, self.root
        for step in place:
            if not isinstance(node, yaml.MappingNode) or node.flow_style:
                above = ".".join(map(str, place))
                raise ConfigurationError(
                    f"{above} of {APPLICATION} lies within braces, which can't be edited.", _BY_HAND
                )
            key, node = next((k, v) for k, v in node.value if k.value == step)
        return key, node

    def _column(self, place: Place) -> int:
        return int(self._node(place)[0].start_mark.column)

    def _indent(self, place: Place) -> int:
        node = self._node(place)[1]
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise ConfigurationError(
                f"{'.'.join(map(str, place))} of {APPLICATION} lies within braces.", _BY_HAND
            )
        return int(node.value[0][0].start_mark.column)

    def _last(self, place: Place) -> int:
        """The number of the last line of a value."""
        return _end(self._node(place)[1])


def _end(node: Any) -> int:
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    return int(mark.line) if mark.column == 0 else int(mark.line) + 1


def _indented(rows: Iterable[str], by: int) -> list[str]:
    return [f"{' ' * by}{row}" if row else row for row in rows]


def _targets(stack: Stack, led: Iterable[Route]) -> list[str]:
    """The functions that routes lead to."""
    ids = set().union(*(through_aliases(stack, one.targets) for one in led))
    return [name for name in stack.source["Resources"] if name in ids]


def _upper(method: str) -> str:
    return ANY if method.startswith("x-") else method.upper()


def _rank(method: str) -> int:
    return [_upper(one) for one in METHODS].index(method)


def _operation(stack: Stack, function: str, one: Wanted, default: Any) -> list[str]:
    key = next(method for method in METHODS if _upper(method) == one.method)
    names = ("NONE",) if one.open else tuple(name for name in one.authorizers if name != default)
    security = [f"  security: [{', '.join(f'{{ {name}: [] }}' for name in names)}]"] if names else []
    return [
        f"{key}:",
        *security,
        "  responses: {}",
        "  x-amazon-apigateway-integration:",
        "    type: aws_proxy",
        "    httpMethod: POST",
        "    uri: !Sub",
        f"      - {_FUNCTIONS}${{Function}}/invocations",
        f"      - {{ Function: {_named(stack, function)} }}",
    ]


def _permission(stack: Stack, api: str, function: str) -> list[str]:
    name = f"{function}Permission"
    while name in stack.source["Resources"]:
        name += "OfApi"
    return [
        f"{name}:",
        f"  # One for all routes of {api}: which there are, its body says.",
        "  Type: AWS::Lambda::Permission",
        "  Properties:",
        "    Action: lambda:InvokeFunction",
        f"    FunctionName: {_named(stack, function)}",
        "    Principal: apigateway.amazonaws.com",
        f"    SourceArn: !Sub arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}/*/*",
    ]


def _named(stack: Stack, function: str) -> str:
    """A function's ARN as a template writes it: that of its alias, where it has one."""
    own = dig(stack.source, "Resources", function, "Properties", "AutoPublishAlias")
    aliased = (own or dig(stack.source, "Globals", "Function", "AutoPublishAlias")) is not None
    return f"!Ref {function}.Alias" if aliased else f"!GetAtt {function}.Arn"


def _proven(project: Project, api: str, text: str, expected: Mapping[tuple[str, str], Wanted]) -> None:
    """The new text must expand in each environment to these very routes. Raises ConfigurationError."""
    changed = replace(project, files={**project.files, APPLICATION: text.encode()})
    if changed.problems:
        raise ConfigurationError(
            f"{APPLICATION} with its routes would be wrong: {changed.problems[0].message}.", _BY_HAND
        )
    for stack in changed.application:
        found = {(one.method, one.path): one.open for one in routes(stack) if one.api.source == api}
        wrong = [name for name, one in expected.items() if found.get(name) != one.open]
        if wrong:
            raise ConfigurationError(
                f"{' '.join(wrong[0])} would come out otherwise in {stack.environment.name}.", _BY_HAND
            )
