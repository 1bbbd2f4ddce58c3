"""The JSON API: records are added, listed and read; each kind in the same way."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request

from app import body, fields, paging
from app.database import Connection
from app.identity import caller
from app.ledger import chain, openapi, reports, store
from app.ledger.kinds import KINDS, WRITTEN, Kind
from app.ledger.store import Outcome
from app.paging import Page
from app.problems import Problem, invalid
from app.state import state

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.before_request
def _signed() -> None:
    """Refuse a request that nobody signed, whatever let it through in front of this, and record nothing as nobody's.

    A browser signs no OPTIONS, whose answer holds nothing but what CORS lets it send.
    """
    if request.method != "OPTIONS" and caller(request) is None:
        raise Problem(403, "Forbidden", "Sign the request: this is for IAM identities.")


@blueprint.after_request
def _etag(response: Response) -> Response:
    """Let clients ask whether what they have is still right (RFC 9110, If-None-Match)."""
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        response.cache_control.private = True
        response.cache_control.no_cache = True
        response.add_etag()
        response.make_conditional(request)
    return response


@blueprint.get("/<any({}):plural>".format(", ".join(KINDS)))
def list_records(plural: str) -> Response:
    """A page of records, newest first."""
    kind = KINDS[plural]
    checks = {name: kind.fields[name] for name in kind.filters}
    values = arguments({"limit": paging.LIMIT, "cursor": paging.CURSOR, **checks})
    page = Page(values.pop("limit", paging.DEFAULT_LIMIT), values.pop("cursor", None))
    rows = state(current_app).database.run(lambda connection: store.page(connection, kind, page, values))
    items = rows[: page.limit]
    following = paging.cursor(items[-1]["sequence"]) if len(rows) > page.limit else None
    return jsonify({"items": [as_json(row) for row in items], "next": following})


@blueprint.get("/<any({}):plural>/<identifier>".format(", ".join(KINDS)))
def read_record(plural: str, identifier: str) -> Response:
    """One record."""
    kind = KINDS[plural]
    try:
        parsed = fields.IDENTIFIER.parse(identifier)
    except ValueError:
        parsed = None  # no record has an id of another form
    row = None
    if parsed is not None:
        row = state(current_app).database.run(lambda connection: store.one(connection, kind, parsed))
    if row is None:
        abort(404, f"There is no {kind.name} with this id.")
    return jsonify(as_json(row))


@blueprint.post("/<any({}):plural>".format(", ".join(WRITTEN)))
def add_record(plural: str) -> tuple[Response, int]:
    """Add a record: 201 when it is new, 200 when it is known already, 409 when its id is another's."""
    kind = WRITTEN[plural]
    outcome, row = _add(kind, body.json_object(request))
    if outcome is Outcome.CONFLICT:
        raise Problem(409, "Conflict", f"The {kind.name} {row['id']} is recorded with other content.")
    return jsonify(as_json(row)), outcome.value


@blueprint.post("/reports")
def add_report() -> tuple[Response, int]:
    """Add what the gate reported about a commit: its stages become checks, its findings findings."""
    report, errors = reports.parse(body.json_object(request))
    if errors:
        raise invalid(errors)
    recorded_by = caller(request)

    def add_all(connection: Connection) -> set[Outcome]:
        outcomes = {store.add(connection, kind, values, recorded_by)[0] for kind, values in report}
        if len(outcomes) > 1 or Outcome.CONFLICT in outcomes:
            # Raised inside the transaction: all of a report is recorded, or nothing.
            raise Problem(409, "Conflict", "A report is recorded under this id with other content.")
        return outcomes

    outcomes = state(current_app).database.run(add_all)
    counts = {"checks": 0, "findings": 0}
    for kind, _ in report:
        counts[kind.plural] += 1
    return jsonify(counts), 201 if Outcome.ADDED in outcomes else 200


@blueprint.get("/verify")
def verify() -> Response:
    """Recompute a stretch of the chain; 'broken' names the first link that doesn't hold."""
    after = arguments({"after": chain.AFTER}).get("after", 0)
    return jsonify(
        state(current_app).database.run(lambda connection: chain.verify(connection, after)).as_json()
    )


@blueprint.get("/openapi.json")
def describe() -> Response:
    """What this API takes and gives, in OpenAPI 3.1."""
    return jsonify(openapi.document(request.script_root or "/"))


def arguments(checks: dict[str, fields.Check]) -> dict[str, Any]:
    """Return the query's parameters; Problem 422 for unknown, repeated and wrong ones."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    values, errors = fields.check_all(request.args, checks, complete=False)
    errors += [{"field": name, "message": "is given more than once"} for name in repeated]
    if errors:
        raise invalid(errors)
    return values


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with times in RFC 3339, UTC, days in ISO 8601, and UUIDs as text."""
    return {name: _value(value) for name, value in row.items()}


def _add(kind: Kind, content: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:
    values, errors = kind.parse(content)
    if errors:
        raise invalid(errors)
    recorded_by = caller(request)
    return state(current_app).database.run(
        lambda connection: store.add(connection, kind, values, recorded_by)
    )


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value
