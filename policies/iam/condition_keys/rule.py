"""Conditions on keys that no request for the statement's actions has: a slip of the pen, or another service's key."""

from collections.abc import Iterator

from pipeline.iam import authorization
from pipeline.iam.operators import UnknownOperatorError, holds
from pipeline.iam.statements import Statement, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            for operator, keys in one.conditions.items():
                for key, values in keys.items():
                    if not _is_of_provider(key) and not authorization.is_global(key):
                        yield from _of(one, operator, key, values)


def _is_of_provider(key: str) -> bool:
    """Whether the key is a claim, which begins with its issuer's host: those have a rule of their own."""
    return "." in key.partition(":")[0]


def _of(one: Statement, operator: str, key: str, values: list[str]) -> Iterator[Violation]:
    place = ("Condition", operator)
    if key.startswith("aws:"):
        yield one.violation(f"{key} is no key of AWS's", *place, fact=f"{operator} {key}: {one.grant}")
        return
    having = {action: authorization.has_key(action, key) for action in one.actions}
    if not having or None in having.values():
        return  # NotAction, or an action that is newer than the reference
    if not any(having.values()):
        yield one.violation(
            f"no request for {', '.join(one.actions[:3])} has the key {key}",
            *place,
            fact=f"{operator} {key}: {one.grant}",
        )
    elif one.allows and not _holds_without(operator, values):
        for action, has in having.items():
            # A pattern may well take in more than what the condition can be about.
            if not has and not set("*?") & set(action):
                yield one.violation(
                    f"no request for {action} has the key {key}, so that it is never allowed",
                    *place,
                    fact=f"{operator} {key}: {action}",
                )


def _holds_without(operator: str, values: list[str]) -> bool:
    """Whether a condition holds where its key is missing."""
    try:
        return holds(operator, None, values)
    except UnknownOperatorError:
        return True
