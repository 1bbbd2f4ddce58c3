"""Functions, routes and alarms of a stack, and how they hang together."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.values import mentioned, refers
from pipeline.source.violations import Violation, at

_RELEASE = re.compile(r"Digest|Commit|Version|Release|Revision|Build|Hash|Sha\d*", re.IGNORECASE)
METHODS = ("get", "head", "options", "post", "put", "patch", "delete", "x-amazon-apigateway-any-method")
# The API that the transform makes of events which name none, by the events' type.
_IMPLICIT = {"Api": "ServerlessRestApi", "HttpApi": "ServerlessHttpApi"}
CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")


@dataclass(frozen=True)
class Route:
    """One method of an API. `authorizers` are the names that guard it; none, or NONE, leaves it open."""

    api: Resource
    path: str
    method: str  # in capitals; ANY for every one
    authorizers: tuple[str, ...]
    targets: frozenset[str] = field(repr=False)

    @property
    def open(self) -> bool:
        return not any(name.upper() != "NONE" and name != "api_key" for name in self.authorizers)

    def violation(self, message: str) -> Violation:
        """A violation where the route is written, event or body, else at the API; the fact is the route."""
        stack, fact = self.api.stack, f"{self.method} {self.path}"
        for name, body in (stack.source.get("Resources") or {}).items():
            events = dig(body, "Properties", "Events", default={})
            for event, what in events.items() if isinstance(events, dict) else ():
                path, method = (
                    dig(what, "Properties", "Path"),
                    str(dig(what, "Properties", "Method", default="")),
                )
                if path == self.path and method.upper() == self.method and self._is_of(what):
                    place: tuple[str, ...] = ("Resources", name, "Properties", "Events", event)
                    for detail in (("Properties", "Auth"), ("Properties", "Method")):
                        if stack.document.has(*place, *detail):
                            place = (*place, *detail)
                            break
                    line = stack.document.line(*place)
                    environment = stack.environment.name
                    return Violation(message, stack.document.file, line, name, environment, fact=fact)
        written = {"ANY": METHODS[-1]}.get(self.method, self.method.lower())
        place = ("Body", "paths", self.path, written)
        security = ("security",) if self.api.is_written(*place, "security") else ()
        return at(self.api, message, *place, *security, fact=fact)

    def _is_of(self, event: Any) -> bool:
        """Whether an event, as the source has it, is for this route's API: the one that it names, else SAM's own."""
        key = "RestApiId" if self.api.type == "AWS::ApiGateway::RestApi" else "ApiId"
        named = dig(event, "Properties", key)
        if named is None:
            return self.api.id == _IMPLICIT.get(str(dig(event, "Type")))
        return self.api.id in (mentioned(named) or {named})


def routes(stack: Stack) -> Sequence[Route]:
    """Every route of every API: of the OpenAPI documents that SAM writes, and of plain resources."""
    found: tuple[Route, ...] = stack.once("routes", lambda one: tuple(_routes(one)))
    return found


def _routes(stack: Stack) -> Iterator[Route]:
    for api in stack.of_type("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"):
        paths = api.get("Body", "paths", default={})
        for path, methods in paths.items() if isinstance(paths, dict) else ():
            for method, body in methods.items() if isinstance(methods, dict) else ():
                if method.lower() in METHODS:
                    yield _route(api, path, method, body if isinstance(body, dict) else {})
    for one in stack.of_type("AWS::ApiGateway::Method"):
        kind = str(one.get("AuthorizationType", default="NONE"))
        method = str(one.get("HttpMethod", default="ANY")).upper()
        yield Route(
            one, str(one.get("ResourceId", default="")), method, (kind,), refers(one.get("Integration"))
        )
    for one in stack.of_type("AWS::ApiGatewayV2::Route"):
        method, _, path = str(one.get("RouteKey", default="ANY $default")).partition(" ")
        kind = str(one.get("AuthorizationType", default="NONE"))
        yield Route(one, path, method.upper(), (kind,), refers(one.get("Target")))


def _route(api: Resource, path: str, method: str, body: dict[str, Any]) -> Route:
    security = body.get("security", api.get("Body", "security", default=[]))
    names = tuple(str(name) for entry in security if isinstance(entry, dict) for name in entry)
    capital = "ANY" if method.startswith("x-") else method.upper()
    return Route(api, path, capital, names, refers(body.get("x-amazon-apigateway-integration")))


def setting_route(setting: Any) -> str:
    """The route that an entry of a stage's MethodSettings is for, as a fact names it."""
    return f"{dig(setting, 'HttpMethod', default='*')} {dig(setting, 'ResourcePath', default='/*')}"


def functions(stack: Stack) -> Iterator[Resource]:
    yield from stack.of_type("AWS::Lambda::Function")


def served(stack: Stack) -> set[str]:
    """The logical ids of the functions that an API calls."""
    found: set[str] = stack.once("served", _served)
    return found


def _served(stack: Stack) -> set[str]:
    found = {name for route in routes(stack) for name in route.targets}
    allowed = {
        name
        for one in stack.of_type("AWS::Lambda::Permission")
        if one.get("Principal") == "apigateway.amazonaws.com"
        for name in refers(one.get("FunctionName"))
    }
    return through_aliases(stack, found | allowed) & {one.id for one in functions(stack)}


def through_aliases(stack: Stack, names: Iterable[str]) -> set[str]:
    """The named resources, and the functions behind those of them that are aliases."""
    found = set(names)
    aliases = [one for one in stack.of_type("AWS::Lambda::Alias") if one.id in found]
    return found.union(*(refers(one.get("FunctionName")) for one in aliases))


def rotating(stack: Stack) -> set[str]:
    """The logical ids of the functions that rotate a secret."""
    schedules = stack.of_type("AWS::SecretsManager::RotationSchedule")
    return {name for one in schedules for name in refers(one.get("RotationLambdaARN"))}


def watches(alarm: Resource, metric: str, resource: Resource, key: str) -> bool:
    """Whether an alarm is on a metric of a function (key FunctionName) or an API (key Name)."""
    listed = [dig(one, "MetricStat", "Metric") for one in alarm.get("Metrics", default=[])]
    watched = [one for one in (alarm.properties, *listed) if dig(one, "MetricName") == metric]
    values = [dig(value, "Value") for one in watched for value in dig(one, "Dimensions", default=[])]
    # SAM writes an API's name into the title of its OpenAPI document.
    name = resource.get(key) or resource.get("Body", "info", "title")
    return any(resource.id in refers(value) or (name is not None and value == name) for value in values)


def alarms_on(stack: Stack, metric: str, names: set[str]) -> set[str]:
    """The alarms on a metric of any of the functions."""
    found = [stack.resources[name] for name in names]
    return {
        one.id
        for one in stack.of_type("AWS::CloudWatch::Alarm")
        if any(watches(one, metric, function, "FunctionName") for function in found)
    }


def releases(stack: Stack) -> set[str]:
    """The parameters that change with a release, by their names; where none tells, all that aren't one of a few."""
    parameters = stack.section("Parameters")
    return {name for name in parameters if _RELEASE.search(name)} or {
        name for name, body in parameters.items() if "AllowedValues" not in body
    }


def role_of(function: Resource) -> Resource | None:
    """The role of a function, if the stack makes it."""
    for name in refers(function.get("Role")):
        found = function.stack.resources.get(name)
        if found is not None and found.type == "AWS::IAM::Role":
            return found
    return None


def custom_resources(stack: Stack) -> Iterator[Resource]:
    for resource in stack.resources.values():
        if resource.type.startswith(CUSTOM):
            yield resource
