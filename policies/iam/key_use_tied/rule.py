"""Roles that may use a key by themselves, not only through the service that keeps what it encrypts."""

from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, Statement, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_USES = ("kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            used = ", ".join(action for action in _USES if one.covers(action))
            if one.kind == IDENTITY and one.allows and used and not _tied(one):
                yield one.violation(
                    f"{used} is not tied to a service or to an encryption context",
                    "Action",
                    fact=f"{used} on {', '.join(one.resources)}",
                )


def _tied(one: Statement) -> bool:
    """Whether a condition demands one service, or a context, by name."""
    keys = {
        key: values
        for operator, found in one.conditions.items()
        if operator.removeprefix("ForAnyValue:") in ("StringEquals", "StringLike", "ArnEquals", "ArnLike")
        for key, values in found.items()
        if key == "kms:viaservice" or key.startswith("kms:encryptioncontext:")
    }
    return any(values and not any(value.startswith("*") for value in values) for values in keys.values())
