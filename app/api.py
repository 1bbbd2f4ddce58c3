"""The JSON API: deployments are listed and added."""

import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app import body, ledger, paging, records
from app.identity import caller
from app.ledger import Outcome
from app.problems import Problem
from app.state import state

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.get("/deployments")
def list_deployments() -> Response:
    """A page of deployments, newest first."""
    page = paging.parse(request.args)
    rows = state(current_app).database.run(lambda connection: ledger.deployments(connection, page))
    items = rows[: page.limit]
    following = paging.cursor(items[-1]["sequence"]) if len(rows) > page.limit else None
    return jsonify({"items": [as_json(row) for row in items], "next": following})


@blueprint.post("/deployments")
def add_deployment() -> tuple[Response, int]:
    """Add a deployment: 201 when it is new, 200 when it is known already, 409 when its id is another's."""
    record = records.deployment(body.json_object(request))
    recorded_by = caller(request)
    outcome, row = state(current_app).database.run(
        lambda connection: ledger.add_deployment(connection, record, recorded_by)
    )
    if outcome is Outcome.CONFLICT:
        raise Problem(409, "Conflict", f"Deployment {record.id} is recorded with other content.")
    return jsonify(as_json(row)), outcome.value


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its times in RFC 3339, UTC, and its UUIDs as text."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, uuid.UUID) else value
