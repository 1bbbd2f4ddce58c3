"""Trust policies, evaluated as STS evaluates them.

Source: "Policy evaluation logic" and "IAM JSON policy elements" in the IAM User Guide.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.iam.matching import action_like, texts
from pipeline.iam.operators import holds

ASSUME = "sts:AssumeRoleWithWebIdentity"
PROVIDER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

# The claims of GitHub's tokens that a trust policy can ask for: STS knows no other, so that a condition on another is
# one on a key that no request has. Source: condition keys of AssumeRoleWithWebIdentity in AWS's Service Authorization
# Reference (since January 2026; before, aud and sub alone).
CLAIMS = (
    *(
        "aud",
        "sub",
        "actor",
        "actor_id",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
    ),
    *("repository_id", "repository_owner_id", "workflow"),
)

# ${aws:username} and the like; ${Name} without a colon is a parameter that is known only in AWS.
_VARIABLE = re.compile(r"\$\{([a-zA-Z0-9._-]+:(?!:)[^}]*)\}")


@dataclass(frozen=True)
class Request:
    """A call of AssumeRoleWithWebIdentity: the provider's ARN, and the context keys with their values.

    Keys are in lower case; a single-valued key has one value.
    """

    provider: str
    context: Mapping[str, Sequence[str]]
    action: str = ASSUME


def allows(document: Mapping[str, Any], request: Request) -> bool:
    """Whether a trust policy lets the request in: some statement allows it, and none denies it.

    Raises TypeError for a document that isn't a policy, and UnknownOperatorError.
    """
    verdict = False
    for statement in statements(document):
        if _matches(statement, request):
            if statement.get("Effect") == "Deny":
                return False
            verdict = verdict or statement.get("Effect") == "Allow"
    return verdict


def statements(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The statements of a policy, one or a list. Raises TypeError."""
    found = document.get("Statement")
    for one in found if isinstance(found, list) else [found]:
        if not isinstance(one, Mapping):
            raise TypeError(f"a statement is {one!r}, not a mapping")
        yield one


def _matches(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _action(statement, request.action)
        and _principal(statement, request.provider)
        and all(
            holds(operator, request.context.get(str(key).lower()), _filled(expected, request))
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, expected in keys.items()
        )
    )


def _action(statement: Mapping[str, Any], action: str) -> bool:
    def named(patterns: Any) -> bool:
        return any(action_like(action, one) for one in texts(patterns))

    if "NotAction" in statement:
        return not named(statement["NotAction"])
    return named(statement.get("Action"))


def _principal(statement: Mapping[str, Any], provider: str) -> bool:
    if "NotPrincipal" in statement:
        return not _named(statement["NotPrincipal"], provider)
    return _named(statement.get("Principal"), provider)


def _named(principal: Any, provider: str) -> bool:
    """Whether a principal names the provider; what stands for everybody names it too."""
    if not isinstance(principal, Mapping):
        return "*" in texts(principal)
    return bool({"*", provider} & set(texts(principal.get("Federated"))))


def _filled(expected: Any, request: Request) -> list[str]:
    """The policy's values, with variables replaced by the request's; one that it lacks matches nothing."""
    return [_VARIABLE.sub(lambda found: _variable(found[1], request), text) for text in texts(expected)]


def _variable(name: str, request: Request) -> str:
    values = request.context.get(name.split(",", 1)[0].strip().lower())
    return values[0] if values else "\0"
