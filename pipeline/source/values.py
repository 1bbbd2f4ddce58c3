"""CloudFormation's intrinsic functions, resolved as far as they can be before a deployment."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from pipeline.source.located import Place, nodes

type Trail = dict[Place, Place]

_NO_VALUE = object()
_HOLE = re.compile(r"\$\{(!?)([^}]*)\}")


@dataclass(frozen=True)
class Hole:
    """Something known only in AWS: a resource's name or attribute, a parameter read at deploy time, ..."""

    name: str
    attribute: str = ""
    kind: str = "resource"  # resource, parameter, pseudo or function


class Partial(str):
    """Text with holes. As a str it reads `${Name}` or `${Name.Attribute}` where a hole is.

    An equality with an expected value is therefore false, and a rule that demands a value reports it.
    """

    parts: tuple[str | Hole, ...]

    def __new__(cls, *parts: str | Hole) -> Self:
        text = "".join(part if isinstance(part, str) else _text(part) for part in parts)
        made = super().__new__(cls, text)
        made.parts = parts
        return made

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(part for part in self.parts if isinstance(part, Hole))

    def __reduce__(self) -> tuple[type["Partial"], tuple[str | Hole, ...]]:
        return (Partial, self.parts)


def _text(hole: Hole) -> str:
    return f"${{{hole.name}.{hole.attribute}}}" if hole.attribute else f"${{{hole.name}}}"


def holes(value: Any) -> tuple[Hole, ...]:
    """Every hole anywhere in a resolved value."""
    return tuple(hole for _, one in nodes(value) if isinstance(one, Partial) for hole in one.holes)


def known(value: Any) -> bool:
    """Whether nothing of a resolved value is left open."""
    return not holes(value)


def refers(value: Any) -> frozenset[str]:
    """The logical ids of the resources that a resolved value names."""
    return frozenset(hole.name for hole in holes(value) if hole.kind == "resource")


@dataclass(frozen=True)
class Scope:
    """What the functions of one template can be resolved against, in one environment.

    parameters  values by name; a parameter that is missing here is a hole
    assumed     parameters whose value is only a default: it may be another in an account, so that both
                branches of a condition on it are judged
    pseudo      values of AWS::Region, AWS::AccountId, ...
    """

    parameters: Mapping[str, Any]
    pseudo: Mapping[str, str]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    declared: frozenset[str]
    assumed: frozenset[str] = frozenset()

    def holds(self, name: Any) -> bool | None:
        """Whether a condition of the template holds; None when it hangs on something unknown."""
        return self._test({"Condition": name}, ())

    def test(self, function: Any) -> bool | None:
        """Whether a condition function, as it is written, gives true; None when it hangs on something unknown."""
        return self._test(function, ())

    def resolve(self, value: Any, trail: Trail | None = None) -> Any:
        """The value with its functions resolved. `trail` is filled with where each part was written:
        the place in the result to the place in `value`, which differ where a function chose a branch."""
        found = self._value(value, (), (), {} if trail is None else trail)
        return None if found is _NO_VALUE else found

    # -- values --

    def _value(self, value: Any, here: Place, there: Place, trail: Trail) -> Any:
        """`value` resolved; it was written at `here`, and becomes `there` in the result."""
        trail[there] = here
        if isinstance(value, list):
            return self._list(value, here, there, trail)
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Fn::If":
                return self._if(argument, (*here, name), there, trail)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        result = {}
        for key, item in value.items():
            found = self._value(item, (*here, key), (*there, key), trail)
            if found is not _NO_VALUE:
                result[key] = found
        return result

    def _list(self, items: list[Any], here: Place, there: Place, trail: Trail) -> list[Any]:
        result: list[Any] = []
        for index, item in enumerate(items):
            choices: list[tuple[Any, Place]] = [(item, (*here, index))]
            scope = self
            if isinstance(item, dict) and len(item) == 1 and _shaped(item.get("Fn::If"), 3):
                test, *branches = item["Fn::If"]
                if self.holds(test) is None:  # either may come true, so both are judged
                    choices = [(one, (*here, index, "Fn::If", at)) for at, one in enumerate(branches, 1)]
                    scope = self._undecided(test)
            for choice, place in choices:
                found = scope._value(choice, place, (*there, len(result)), trail)
                if found is not _NO_VALUE:
                    result.append(found)
        return result

    def _undecided(self, test: Any) -> "Scope":
        """The scope of a branch that only another value than the default may choose: the value isn't known there."""
        asked = self.assumed & self._asked({"Condition": test}, ())
        return replace(self, parameters={k: v for k, v in self.parameters.items() if k not in asked})

    def _asked(self, test: Any, above: tuple[str, ...]) -> set[str]:
        """The names that a condition hangs on, also by way of other conditions."""
        found = mentioned(test)
        for name in {
            one for place, one in nodes(test) if place[-1:] == ("Condition",) and isinstance(one, str)
        }:
            if name in self.conditions and name not in above:
                found |= self._asked(self.conditions[name], (*above, name))
        return found

    def _plain(self, value: Any) -> Any:
        return self._value(value, (), (), {})

    def _ref(self, name: Any) -> Any:
        if not isinstance(name, str):
            return _function("Ref")
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name.startswith("AWS::"):
            return self.pseudo.get(name, Partial(Hole(name, kind="pseudo")))
        if name in self.parameters:
            return self.parameters[name]
        kind = "parameter" if name in self.declared else "resource"
        return Partial(Hole(name, kind=kind))

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Fn::Sub":
            return self._sub(argument)
        argument = self._plain(argument)
        if name == "Fn::GetAtt":
            return _attribute(argument)
        if name == "Fn::Join" and _shaped(argument, 2) and isinstance(argument[1], list):
            return _join(str(argument[0]), argument[1])
        if name == "Fn::Select" and _shaped(argument, 2):
            return _select(argument[0], argument[1])
        if name == "Fn::Split" and _shaped(argument, 2) and known(argument):
            return str(argument[1]).split(str(argument[0]))
        if name == "Fn::FindInMap" and _shaped(argument, 3):
            return self._mapped(argument)
        if name == "Fn::Base64" and isinstance(argument, str) and known(argument):
            return base64.b64encode(argument.encode()).decode()
        if name == "Fn::ToJsonString":
            return json.dumps(argument) if known(argument) else _function(name)
        return _function(name)

    def _if(self, argument: Any, here: Place, there: Place, trail: Trail) -> Any:
        if not _shaped(argument, 3):
            return _function("Fn::If")
        test = self.holds(argument[0])
        if test is None:
            first, second = (self.resolve(branch) for branch in argument[1:])
            return first if first == second else _function(f"Fn::If {argument[0]}")
        chosen = 1 if test else 2
        return self._value(argument[chosen], (*here, chosen), there, trail)

    def _sub(self, argument: Any) -> Any:
        text, names = argument, {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            text, names = argument[0], argument[1]
        if not isinstance(text, str):
            return _function("Fn::Sub")
        parts: list[Any] = []
        end = 0
        for found in _HOLE.finditer(text):
            parts.append(text[end : found.start()])
            end = found.end()
            name = found[2].strip()
            if found[1]:
                parts.append(f"${{{name}}}")  # ${!Literal} stays as ${Literal}
            elif name in names:
                parts.append(self._plain(names[name]))
            elif "." in name and not name.startswith("AWS::"):
                parts.append(_attribute(name.split(".", 1)))
            else:
                parts.append(self._ref(name))
        return _join("", [*parts, text[end:]])

    def _mapped(self, keys: list[Any]) -> Any:
        found: Any = self.mappings
        for key in keys:
            if not known(key) or not isinstance(found, Mapping) or str(key) not in found:
                return _function("Fn::FindInMap")
            found = found[str(key)]
        return self._plain(found)

    # -- conditions --

    def _test(self, test: Any, above: tuple[str, ...]) -> bool | None:
        if not isinstance(test, dict) or len(test) != 1:
            return None
        ((name, argument),) = test.items()
        if name == "Condition":
            if isinstance(argument, dict):  # SAM writes the test itself where a condition's name belongs
                return self._test(argument, above)
            if argument in above or argument not in self.conditions:
                return None
            return self._test(self.conditions[argument], (*above, argument))
        if name == "Fn::Equals" and _shaped(argument, 2):
            if self.assumed & mentioned(argument):
                return None
            left, right = (self._plain(item) for item in argument)
            return str(left) == str(right) if known([left, right]) else None
        if name == "Fn::Contains" and _shaped(argument, 2):
            members, one = (self._plain(item) for item in argument)
            return one in members if isinstance(members, list) and known([members, one]) else None
        return self._joined(name, argument, above)

    def _joined(self, name: str, argument: Any, above: tuple[str, ...]) -> bool | None:
        if not isinstance(argument, list):
            return None
        tests = [self._test(item, above) for item in argument]
        if name == "Fn::Not":
            return None if len(tests) != 1 or tests[0] is None else not tests[0]
        if name == "Fn::And":
            return False if False in tests else None if None in tests else True
        if name == "Fn::Or":
            return True if True in tests else None if None in tests else False
        return None


def mentioned(value: Any) -> set[str]:
    """The names that Ref, GetAtt or Sub mention anywhere in an unresolved value."""
    found = set()
    for place, one in nodes(value):
        if place[-1:] == ("Ref",):
            found.add(str(one))
        elif place[-1:] == ("Fn::GetAtt",):
            found.add(str(one[0] if isinstance(one, list) and one else one).split(".", 1)[0])
        elif isinstance(one, str) and "Fn::GetAtt" not in place:
            found |= {hole[2].strip().split(".", 1)[0] for hole in _HOLE.finditer(one) if not hole[1]}
    return found


def _shaped(argument: Any, length: int) -> bool:
    return isinstance(argument, list) and len(argument) == length


def _function(name: str) -> Partial:
    return Partial(Hole(name, kind="function"))


def _attribute(argument: Any) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not _shaped(parts, 2) or not known(parts):
        return _function("Fn::GetAtt")
    return Partial(Hole(str(parts[0]), str(parts[1])))


def _join(separator: str, items: list[Any]) -> Any:
    parts: list[str | Hole] = []
    for index, item in enumerate(items):
        if item is _NO_VALUE:
            continue
        if index and separator:
            parts.append(separator)
        if isinstance(item, Partial):
            parts += item.parts
        elif isinstance(item, dict | list):
            return _function("Fn::Join")
        else:
            parts.append("true" if item is True else "false" if item is False else str(item))
    if any(isinstance(part, Hole) for part in parts):
        return Partial(*parts)
    return "".join(str(part) for part in parts)


def _select(index: Any, items: Any) -> Any:
    if isinstance(items, list) and str(index).isdigit() and int(index) < len(items):
        return items[int(index)]
    return _function("Fn::Select")


def as_template(value: Any) -> Any:
    """A resolved value with its holes as intrinsic functions again, as a template tool wants it."""
    if isinstance(value, Partial):
        if len(value.parts) == 1 and isinstance(value.parts[0], Hole):
            return _intrinsic(value.parts[0])
        return {
            "Fn::Join": ["", [part if isinstance(part, str) else _intrinsic(part) for part in value.parts]]
        }
    if isinstance(value, dict):
        return {key: as_template(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_template(item) for item in value]
    return value


def _intrinsic(hole: Hole) -> Any:
    if hole.kind == "function":
        return f"known-only-in-aws ({hole.name})"
    return {"Fn::GetAtt": [hole.name, hole.attribute]} if hole.attribute else {"Ref": hole.name}
