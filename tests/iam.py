"""A small IAM evaluator for these tests: the operators our policies use, and an error for any other."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from tests.stacks import texts


def decide(
    policies: Iterable[dict[str, Any]], action: str, resource: str, context: dict[str, str] | None = None
) -> str:
    """'Deny', 'Allow' or 'Nothing' for a request, over statements that name no principal."""
    matching = {
        statement["Effect"]
        for statement in policies
        if _names(statement, action)
        and any(fnmatchcase(resource, pattern) for pattern in texts(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context or {})
    }
    return "Deny" if "Deny" in matching else "Allow" if "Allow" in matching else "Nothing"


def _names(statement: dict[str, Any], action: str) -> bool:
    """Whether a statement is about an action, by its Action or its NotAction."""
    patterns = texts(statement.get("Action", statement.get("NotAction", [])))
    listed = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
    return listed == ("Action" in statement)


def _holds(condition: dict[str, Any], context: dict[str, str]) -> bool:
    return all(
        _compare(operator, context.get(key), texts(expected))
        for operator, keys in condition.items()
        for key, expected in keys.items()
    )


def _compare(operator: str, actual: str | None, expected: list[str]) -> bool:
    match operator:
        case "StringEquals" | "ArnEquals" | "Bool":
            return actual in expected
        case "StringNotEquals" | "ArnNotEquals":  # true where the key is missing, as IAM has it
            return actual not in expected
        case "ArnLike":
            return actual is not None and any(fnmatchcase(actual, pattern) for pattern in expected)
    raise NotImplementedError(f"{operator}: teach it to tests/iam.py before a policy uses it")
