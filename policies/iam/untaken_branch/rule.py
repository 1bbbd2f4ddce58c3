"""Wildcards in policies of branches, and of resources, that no environment has: other rules don't see those."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from pipeline.iam.matching import texts
from pipeline.iam.statements import knows_no_resources
from pipeline.source.located import Place, nodes
from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    of: dict[str, list[Stack]] = defaultdict(list)
    for stack in project.stacks:
        of[stack.document.file].append(stack)
    for stacks in of.values():
        document = stacks[0].document
        resources = document.data.get("Resources") if isinstance(document.data, dict) else None
        for place in _untaken(stacks, resources, ("Resources",)):
            why = "a branch that no environment takes allows more than it names"
            fact = _grant(dig(document.data, *place))
            yield Violation(why, document.file, document.line(*place), str(place[1]), fact=fact)


def _untaken(stacks: list[Stack], value: Any, place: Place) -> Iterator[Place]:
    """Where the statements are that no stack has."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _untaken(stacks, item, (*place, index))
        return
    if not isinstance(value, dict):
        return
    found = value.get("Fn::If")
    branches = found if isinstance(found, list) and len(found) == 3 else []
    for index, branch in list(enumerate(branches))[1:]:
        if all(stack.scope.holds(str(branches[0])) is (index == 2) for stack in stacks):
            yield from _statements(branch, (*place, "Fn::If", index))
    condition = value.get("Condition")
    if len(place) == 2 and condition and all(stack.scope.holds(str(condition)) is False for stack in stacks):
        yield from _statements(value, place)
        return
    for key, item in value.items():
        yield from _untaken(stacks, item, (*place, key))


def _statements(value: Any, place: Place) -> Iterator[Place]:
    """The statements that are too wide."""
    for at_place, one in nodes(value, place, whole=_is_statement):
        if _is_statement(one) and one["Effect"] == "Allow" and _is_wide(one):
            yield at_place


def _is_statement(value: Any) -> bool:
    return isinstance(value, dict) and "Effect" in value and bool({"Action", "NotAction"} & value.keys())


def _grant(statement: dict[str, Any]) -> str:
    """What the statement is about, for a fact."""
    keys = ("Action", "NotAction", "Resource", "NotResource")
    return "; ".join(f"{key} {', '.join(texts(statement[key]))}" for key in keys if key in statement)


def _is_wide(statement: dict[str, Any]) -> bool:
    actions, resources = texts(statement.get("Action")), texts(statement.get("Resource"))
    if {"NotAction", "NotResource"} & statement.keys() or any("*" in one or "?" in one for one in actions):
        return True
    return "*" in resources and not all(knows_no_resources(one) for one in actions)
