"""The rights that a stack gives, each by itself, so that two states of a stack can be compared."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.iam import statements as iam
from pipeline.iam.matching import includes, texts
from pipeline.source.stacks import Stack
from pipeline.source.values import refers


@dataclass(frozen=True)
class Taken:
    """What an element takes in (Action, Resource: one pattern) or leaves out (NotAction, NotResource: all of them)."""

    patterns: tuple[str, ...]
    left_out: bool = False

    def __str__(self) -> str:
        return f"{'all but ' if self.left_out else ''}{', '.join(self.patterns)}"

    def covers(self, other: "Taken") -> bool:
        """Whether it takes in all that `other` does."""
        if other.left_out:
            wide, narrow = (other, self) if self.left_out else (self, Taken(("*",)))
        elif self.left_out:
            return False  # what is left out, and what is named, might still have something in common
        else:
            wide, narrow = self, other
        return all(any(includes(one, another) for one in wide.patterns) for another in narrow.patterns)


@dataclass(frozen=True)
class Right:
    """An action on a resource that a policy allows or denies.

    `holder` is who has it: a role, or the resource whose policy names a principal. `condition` is JSON.
    """

    holder: str
    action: Taken
    resource: Taken
    principal: str
    condition: str

    def covers(self, other: "Right") -> bool:
        """Whether whoever has this has `other` too."""
        same = (self.holder, self.principal) == (other.holder, other.principal)
        return (
            same
            and self.condition in ("{}", other.condition)
            and _folded(self.action).covers(_folded(other.action))
            and self.resource.covers(other.resource)
        )


def _folded(actions: Taken) -> Taken:
    """Actions are the same in any case."""
    return replace(actions, patterns=tuple(one.lower() for one in actions.patterns))


_EVERYTHING = Taken(("*",))


@dataclass(frozen=True)
class Rights:
    """What a stack allows and what it denies, each right with a sentence that says it."""

    allowed: Mapping[Right, str]
    denied: Mapping[Right, str]


def rights(stack: Stack | None) -> Rights:
    """Every right in a stack; none of no stack."""
    found: tuple[dict[Right, str], dict[Right, str]] = {}, {}
    if stack is None:
        return Rights(*found)
    for statement in iam.statements(stack):
        if statement.kind == iam.BOUNDARY:
            continue  # a ceiling, not a grant
        resource = statement.resource
        for holder in sorted(refers(resource.get("Roles")) or {resource.id}):
            _add(found[0] if statement.allows else found[1], holder, statement)
    for permission in stack.of_type("AWS::Lambda::Permission"):
        who = str(permission.get("Principal", default="*"))
        condition = {
            key: permission.get(key) for key in ("SourceArn", "SourceAccount") if permission.get(key)
        }
        function = str(permission.get("FunctionName", default="*"))
        action = Taken((str(permission.get("Action", default="")),))
        right = Right(function, action, _EVERYTHING, who, _json(condition))
        found[0][right] = f"{who}: {right.action} on {function}" + _when(right.condition)
    for role in stack.of_type("AWS::IAM::Role"):
        for policy in texts(role.get("ManagedPolicyArns")):
            right = Right(role.id, Taken((f"managed policy {policy}",)), _EVERYTHING, "", "{}")
            found[0][right] = f"{role.id}: what the managed policy {policy} allows"
        if not role.get("PermissionsBoundary"):
            # No action of a policy covers it, whatever that takes in: it is no principal's.
            found[0][Right(role.id, _EVERYTHING, _EVERYTHING, "beyond a boundary", "{}")] = (
                f"{role.id}: whatever its policies say, without a permissions boundary"
            )
    return Rights(*found)


def gained(before: Rights, after: Rights) -> tuple[str, ...]:
    """What one may do after, and might not before. With the two swapped: what was taken away."""
    new = [
        text for right, text in after.allowed.items() if not any(had.covers(right) for had in before.allowed)
    ]
    new += [
        f"{text}, denied until now"
        for right, text in before.denied.items()
        if not any(still.covers(right) for still in after.denied)
    ]
    return tuple(sorted(new))


def _add(found: dict[Right, str], holder: str, statement: iam.Statement) -> None:
    body = statement.body
    actions, resources = (list(_taken(body, name)) for name in ("Action", "Resource"))
    principals = [f"{kind} {value}" for kind, value in statement.principals] or [""]
    condition = _json(body.get("Condition") or {})
    for action in actions:
        for resource in resources or [_EVERYTHING]:
            for principal in principals:
                who = f"{principal} ({holder})" if principal else holder
                found[Right(holder, action, resource, principal, condition)] = (
                    f"{who}: {action} on {resource}" + _when(condition)
                )


def _taken(body: Mapping[str, Any], name: str) -> Iterator[Taken]:
    yield from (Taken((one,)) for one in texts(body.get(name)))
    if left_out := texts(body.get(f"Not{name}")):
        yield Taken(tuple(sorted(left_out)), left_out=True)


def _when(condition: str) -> str:
    return "" if condition == "{}" else f" if {condition}"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
