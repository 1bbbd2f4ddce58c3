"""A template in one environment: its resources, expanded and resolved, each with its line in the source."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.source.environments import Environment
from pipeline.source.expansion import expand
from pipeline.source.located import Document, Place, Step
from pipeline.source.values import Scope, as_template

_GLOBALS = {
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::SimpleTable": "SimpleTable",
    "AWS::Serverless::StateMachine": "StateMachine",
    "AWS::Serverless::LayerVersion": "LayerVersion",
}
# The APIs that the transform makes of events which name none: the events' type, and the key that names one.
_IMPLICIT = {"ServerlessRestApi": ("Api", "RestApiId"), "ServerlessHttpApi": ("HttpApi", "ApiId")}
_HASH = re.compile(r"(?<=[a-z])[0-9a-f]{10}$")
_KEPT = ("DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "Metadata", "Condition")


# What the transform calls by another name than the source.
_RENAMED = {
    "Body": "DefinitionBody",
    "DeadLetterConfig": "DeadLetterQueue",
    "TracingConfig": "Tracing",
    "ManagedPolicyArns": "Policies",
}


def _written(place: Place) -> Iterator[Place]:
    """How the source may have written the place of an expanded property."""
    yield place
    if place[0] in _RENAMED:
        yield (_RENAMED[str(place[0])], *place[1:])
    if "PolicyDocument" in place:
        yield tuple(step for step in place if step != "PolicyDocument")


@dataclass(frozen=True)
class Resource:
    """One resource of a stack. `properties` are resolved; `source` is its logical id in the source."""

    id: str
    type: str
    properties: dict[str, Any]
    attributes: dict[str, Any]
    source: str
    stack: "Stack" = field(repr=False, compare=False)
    trail: dict[Place, Place] = field(repr=False, compare=False)

    def get(self, *place: Step, default: Any = None) -> Any:
        """The property at `place` (keys and indexes); `default` when there is none."""
        return dig(self.properties, *place, default=default)

    def line(self, *place: Step) -> int:
        """The source line of a property of this resource, as near as the source has it."""
        return self.stack.line(self.source, *self._in_source(place))

    def is_written(self, *place: Step) -> bool:
        """Whether the source has a property of this resource itself, or the transform made it."""
        return self.stack.is_written(self.source, *self._in_source(place))

    def _in_source(self, place: Place) -> Place:
        for end in range(len(place), 0, -1):
            if place[:end] in self.trail:
                place = (*self.trail[place[:end]], *place[end:])
                break
        return self._in_policies(place)

    def _in_policies(self, place: Place) -> Place:
        """The place among a function's Policies, of which the transform makes two lists of its role.

        What is the role's own in ManagedPolicyArns comes first there.
        """
        body = dig(self.stack.source, "Resources", self.source, default={})
        mixed = dig(body, "Properties", "Policies")
        if self.id != self.source and isinstance(mixed, dict) and place[:2] == ("Policies", 0):
            return ("Policies", *place[2:])
        if self.id == self.source or not isinstance(mixed, list) or len(place) < 2:
            return place
        whole = [index for index, one in enumerate(mixed) if isinstance(one, dict) and not _is_function(one)]
        named = [index for index in range(len(mixed)) if index not in whole]
        name, at = place[:2]
        if name == "Policies" and at in range(len(whole)):
            return (name, whole[int(at)], *place[2:])
        if name == "ManagedPolicyArns" and isinstance(at, int):
            behind = at - len(self.get(name, default=[]))
            return ("Policies", named[behind], *place[2:]) if -len(named) <= behind < 0 else place[:1]
        return place

    @property
    def file(self) -> str:
        return self.stack.document.file


@dataclass(frozen=True)
class Stack:
    """A template as one environment deploys it. `resources` holds those whose condition isn't false."""

    document: Document
    environment: Environment
    scope: Scope = field(repr=False)
    expanded: dict[str, Any] = field(repr=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, name: str, make: Callable[["Stack"], Any]) -> Any:
        """What `make` gives for this stack, made once: many rules ask for the same."""
        if name not in self.memo:
            self.memo[name] = make(self)
        return self.memo[name]

    @cached_property
    def resources(self) -> dict[str, Resource]:
        found = {}
        for name, body in self.expanded.get("Resources", {}).items():
            condition = body.get("Condition")
            if condition is not None and self.scope.holds(str(condition)) is False:
                continue
            trail: dict[Place, Place] = {}
            properties = self.scope.resolve(body.get("Properties") or {}, trail)
            attributes = {key: self.scope.resolve(body[key]) for key in _KEPT if key in body}
            found[name] = Resource(
                name,
                str(body.get("Type")),
                properties,
                attributes,
                self.origin(name),
                stack=self,
                trail=trail,
            )
        return found

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {name: self.scope.resolve(body) for name, body in self.section("Outputs").items()}

    @property
    def source(self) -> dict[str, Any]:
        """The template as it was written, intrinsic functions in their long form."""
        return self.document.data if isinstance(self.document.data, dict) else {}

    def section(self, name: str) -> dict[str, Any]:
        found = self.expanded.get(name)
        return found if isinstance(found, dict) else {}

    def of_type(self, *types: str) -> Iterator[Resource]:
        for resource in self.resources.values():
            if resource.type in types:
                yield resource

    def origin(self, name: str) -> str:
        """The logical id in the source that the expanded resource `name` comes from; '' for none."""
        written = self.source.get("Resources")
        names = written if isinstance(written, dict) else {}
        if name in names:
            return name
        nearest = max((one for one in names if name.startswith(one)), key=len, default="")
        if nearest:
            return nearest
        implicit = next((one for one in _IMPLICIT if name.startswith(one)), "")
        if implicit:
            return implicit
        # Resources that the transform makes once a template: an API with a domain, else the first, stands for them.
        serverless = [
            one
            for one, body in names.items()
            if isinstance(body, dict) and str(body.get("Type")).startswith("AWS::Serverless::")
        ]
        with_domain = [one for one in serverless if dig(names[one], "Properties", "Domain") is not None]
        return next(iter([*with_domain, *serverless]), "")

    def made(self, name: str) -> str:
        """What the transform calls the expanded resource `name`, for a fact; '' for one of the source.

        Without the hash that it gives a deployment, a version or a layer: that changes with every edit.
        """
        return "" if name == self.origin(name) else _HASH.sub("", name)

    def line(self, name: str, *place: Step) -> int:
        """The line of a property of the source resource `name`, or of its Globals, or of the resource."""
        for end in range(len(place), 0, -1):
            for at in _written(place[:end]):
                for start in self._places(name):
                    if self.document.has(*start, *at):
                        return self.document.line(*start, *at)
        return self.document.line(*self._first_event(name), *(() if name in _IMPLICIT else (name,)))

    def is_written(self, name: str, *place: Step) -> bool:
        """Whether the source has this very property of the resource `name`, or its Globals."""
        return any(self.document.has(*start, *at) for at in _written(place) for start in self._places(name))

    def _first_event(self, name: str) -> Place:
        """Where the first event stands that makes an API which no resource of the source is; else Resources."""
        kind, key = _IMPLICIT.get(name, ("", ""))
        for one, body in self.source.get("Resources", {}).items():
            events = dig(body, "Properties", "Events", default={})
            for event, what in events.items() if kind and isinstance(events, dict) else ():
                if dig(what, "Type") == kind and dig(what, "Properties", key) is None:
                    return ("Resources", one, "Properties", "Events", event)
        return ("Resources",)

    def _places(self, name: str) -> Iterator[Place]:
        body = self.source.get("Resources", {}).get(name)
        kind = _GLOBALS.get(str(body.get("Type")) if isinstance(body, dict) else "")
        yield ("Resources", name, "Properties")
        if kind:
            yield ("Globals", kind)
        yield ("Resources", name)

    def for_tools(self) -> dict[str, Any]:
        """The stack as a CloudFormation template without conditions, for tools that resolve nothing."""
        resources = {}
        for name, resource in self.resources.items():
            kept = {k: v for k, v in resource.attributes.items() if k not in ("Condition", "DependsOn")}
            resources[name] = {
                "Type": resource.type,
                "Properties": as_template(resource.properties),
                **as_template(kept),
            }
        result: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
        if parameters := self.section("Parameters"):
            result["Parameters"] = parameters
        return result


def _is_function(body: dict[str, Any]) -> bool:
    return len(body) == 1 and next(iter(body)).startswith(("Ref", "Fn::"))


def build(document: Document, environment: Environment, parameters: dict[str, str]) -> Stack:
    """Expand and resolve a parsed template for one environment. Raises ExpansionError."""
    expanded = expand(document.data, parameters, environment.region)
    declared = expanded.get("Parameters") or {}
    pseudo = {
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": environment.stack_name,
    }
    if environment.region:
        pseudo["AWS::Region"] = environment.region
    if environment.account:
        pseudo["AWS::AccountId"] = environment.account
    scope = Scope(
        parameters=_values(declared, parameters),
        pseudo=pseudo,
        mappings=expanded.get("Mappings") or {},
        conditions=expanded.get("Conditions") or {},
        declared=frozenset(declared),
        assumed=frozenset(declared) - frozenset(parameters),
    )
    return Stack(document, environment, scope, expanded)


def _values(declared: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """The parameters' values: the environment's, else the default. SSM's are read at deploy time: unknown."""
    found: dict[str, Any] = {}
    for name, body in declared.items():
        kind = str(body.get("Type", "String")) if isinstance(body, dict) else "String"
        value = given.get(name, body.get("Default") if isinstance(body, dict) else None)
        if value is None or kind.startswith("AWS::SSM::Parameter::Value"):
            continue
        listed = kind == "CommaDelimitedList" or kind.startswith("List<")
        found[name] = [part.strip() for part in str(value).split(",")] if listed else str(value)
    return found


def dig(value: Any, *place: Step, default: Any = None) -> Any:
    """The value at `place` in nested mappings and lists; `default` when a step is missing."""
    for step in place:
        inside = isinstance(value, dict) and step in value
        if inside or (isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value)):
            value = value[step]
        else:
            return default
    return value
