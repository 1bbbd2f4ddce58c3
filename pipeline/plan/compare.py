"""Two states of a stack, compared by meaning: what AWS would do to get from one to the other."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.delivery.parameters import RELEASE
from pipeline.iam.rights import gained, rights
from pipeline.plan.model import ACTIONS, Change, Cost, Effect
from pipeline.source import prices, registry
from pipeline.source.functions import routes
from pipeline.source.located import Place, nodes
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import Hole, holes

_MISSING = object()
_KEPT = ("Retain", "RetainExceptOnCreate", "Snapshot")


def compare(
    before: Stack | None, after: Stack, values: Mapping[str, str], moved: frozenset[str] = frozenset()
) -> Effect:
    """What turns `before` (None: no stack yet) into `after`.

    `values` are the parameters before; `moved` names parameters whose value in SSM changed, under the same name.
    """
    old = before.resources if before else {}
    new = after.resources
    changes = [_added(new[name]) for name in new.keys() - old.keys()]
    changes += [_removed(old[name]) for name in old.keys() - new.keys()]
    for name in new.keys() & old.keys():
        changes += _changed(old[name], new[name], moved)
    changes += _affected(new, changes)
    changes = _through(new, changes)
    had, have = rights(before), rights(after)
    reached, were = _open(after), _open(before) if before else set()
    given = after.environment.parameters
    parameters = [
        (name, values.get(name, ""), given.get(name, ""))
        for name in sorted(given.keys() | values.keys())
        if name not in RELEASE and values.get(name, "") != given.get(name, "")
    ]
    return Effect(
        environment=after.environment.name,
        changes=tuple(
            sorted(changes, key=lambda one: (one.indirect, ACTIONS.index(one.action), one.resource))
        ),
        widened=gained(had, have),
        narrowed=gained(have, had),
        opened=tuple(sorted(reached - were)),
        closed=tuple(sorted(were - reached)),
        parameters=tuple(parameters) if before else (),
        releases=bool(changes or parameters),
        costs=tuple(_costs(before, after)),
    )


def _added(one: Resource) -> Change:
    return Change("add", one.id, one.type, (), one.line())


def _removed(one: Resource) -> Change:
    return Change("remove", one.id, one.type, (), one.line(), one.attributes.get("DeletionPolicy") in _KEPT)


def _changed(old: Resource, new: Resource, moved: frozenset[str]) -> Iterator[Change]:
    if old.type != new.type:
        yield Change("replace", new.id, new.type, ("Type",), new.line(), _kept(old))
        return
    places = list(_differences(old.properties, new.properties, ()))
    places += [
        place for place, hole in _holes(new.properties) if hole.kind == "parameter" and hole.name in moved
    ]
    causes = {
        _text(place): registry.verdict(new.type, place, new.stack.environment.region) for place in places
    }
    if old.attributes != new.attributes:
        for name in old.attributes.keys() | new.attributes.keys():
            if old.attributes.get(name) != new.attributes.get(name):
                causes[name] = ""
    if causes:
        first = places[0] if places else ()
        yield Change(_action(causes), new.id, new.type, tuple(sorted(causes)), new.line(*first), _kept(old))


def _action(causes: Mapping[str, str]) -> str:
    verdicts = set(causes.values())
    return "replace" if "replace" in verdicts else "perhaps replace" if "perhaps" in verdicts else "change"


def _kept(one: Resource) -> bool:
    return one.attributes.get("UpdateReplacePolicy") in _KEPT


def _affected(new: Mapping[str, Resource], changes: list[Change]) -> list[Change]:
    """Resources that name a changed one: by an attribute, or by its name where it becomes another."""
    known = {one.resource: one.action for one in changes if one.action != "remove"}
    found: dict[str, Change] = {}
    again = True
    while again:
        again = False
        for name, resource in new.items():
            if name in known:
                continue
            causes = {
                _text(place): registry.verdict(resource.type, place, resource.stack.environment.region)
                for place, hole in _holes(resource.properties)
                if hole.kind == "resource"
                and (known.get(hole.name) not in (None, "change") or (hole.attribute and hole.name in known))
            }
            if causes:
                action = "perhaps replace" if any(causes.values()) else "change"
                found[name] = Change(
                    action, name, resource.type, tuple(sorted(causes)), resource.line(), indirect=True
                )
                known[name] = action
                again = True
    return list(found.values())


def _through(new: Mapping[str, Resource], changes: list[Change]) -> list[Change]:
    """The changes with the properties that name another resource which changes."""
    known = {one.resource for one in changes if one.action != "remove"}
    named = {
        name: {str(place[0]) for place, hole in _holes(new[name].properties) if hole.name in known and place}
        for name in known
    }
    return [replace(one, through=tuple(sorted(named.get(one.resource, ())))) for one in changes]


def _differences(old: Any, new: Any, place: Place) -> Iterator[Place]:
    """The places at which two resolved values differ, as deep as both go."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key, _MISSING), new.get(key, _MISSING), (*place, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _differences(left, right, (*place, index))
    elif old is _MISSING or new is _MISSING or _plain(old) != _plain(new):
        yield place


def _plain(value: Any) -> Any:
    """Numbers and truth values as the text that CloudFormation makes of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | str) else value


def _holes(properties: Any) -> Iterator[tuple[Place, Hole]]:
    for place, one in nodes(properties):
        yield from ((place, hole) for hole in holes(one) if isinstance(one, str))


def _text(place: Place) -> str:
    """A place in words, as deep as is worth reading."""
    return ".".join(str(step) for step in place[:4]) or "Properties"


def _open(stack: Stack) -> set[str]:
    found = {f"{one.method} {one.path}" for one in routes(stack) if one.open}
    for url in stack.of_type("AWS::Lambda::Url"):
        if url.get("AuthType") == "NONE":
            found.add(f"function URL {url.id}")
    return found


def _costs(before: Stack | None, after: Stack) -> Iterator[Cost]:
    had = prices.standing(before) if before else {}
    for name, number in prices.standing(after).items():
        more = number - had.get(name, 0)
        if more:
            usd = prices.table().prices[name].of(more, after.environment.region)
            yield Cost(name, more, usd)
