"""The kinds of record that the ledger keeps, and how a client's JSON becomes one."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import fields
from app.problems import Problem


@dataclass(frozen=True)
class Deployment:
    """One attempt to put a bundle into an environment."""

    id: uuid.UUID
    environment: str
    commit: str
    bundle: str
    release: str
    version: str | None
    kind: str
    status: str
    started_at: datetime
    finished_at: datetime
    run: str | None
    actor: str
    detail: str | None


DEPLOYMENT: Mapping[str, fields.Check] = {
    "id": fields.identifier,
    "environment": fields.ENVIRONMENT,
    "commit": fields.COMMIT,
    "bundle": fields.DIGEST,
    "release": fields.DIGEST,
    "version": fields.optional(fields.SEMANTIC_VERSION),
    "kind": fields.one_of("deploy", "rollback"),
    "status": fields.one_of("succeeded", "failed"),
    "started_at": fields.timestamp,
    "finished_at": fields.timestamp,
    "run": fields.optional(fields.web_address),
    "actor": fields.text(200),
    "detail": fields.optional(fields.text(4000)),
}


def deployment(body: Mapping[str, Any]) -> Deployment:
    """Return the deployment that a body describes; Problem 422 naming every wrong field."""
    values, errors = checked(body, DEPLOYMENT)
    if not errors and values["finished_at"] < values["started_at"]:
        errors.append({"field": "finished_at", "message": "is before started_at"})
    if errors:
        raise invalid(errors)
    return Deployment(**values)


def checked(
    body: Mapping[str, Any], checks: Mapping[str, fields.Check]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the checked values and the errors, in the order of `checks`, unknown fields last."""
    values: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    for name, check in checks.items():
        if name not in body:
            errors.append({"field": name, "message": "is missing"})
            continue
        try:
            values[name] = check(body[name])
        except ValueError as error:
            errors.append({"field": name, "message": str(error)})
    errors += [
        {"field": name, "message": "is not known here"} for name in sorted(body.keys() - checks.keys())
    ]
    return values, errors


def invalid(errors: list[dict[str, str]]) -> Problem:
    """Return the problem that names each wrong field."""
    return Problem(
        422, "Unprocessable Content", "Some fields are wrong; each is named in 'errors'.", errors=errors
    )
