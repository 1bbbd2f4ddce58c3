"""Reading and adding records in the database."""

from dataclasses import asdict, fields
from enum import Enum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from app.database import Connection
from app.paging import Page
from app.records import Deployment

_DEPLOYMENT = [field.name for field in fields(Deployment)]


class Outcome(Enum):
    """What became of a record that was to be added."""

    ADDED = 201
    REPEATED = 200
    CONFLICT = 409


def add_deployment(
    connection: Connection, record: Deployment, recorded_by: str | None
) -> tuple[Outcome, dict[str, Any]]:
    """Add a deployment; return the row that has its id now, which is another's on a conflict."""
    values = {**asdict(record), "recorded_by": recorded_by}
    insert = sql.SQL("INSERT INTO ledger.deployment ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(map(sql.Placeholder, values))
    )
    try:
        with connection.transaction():
            connection.execute(insert, values)
        outcome = Outcome.ADDED
    except psycopg.errors.UniqueViolation:
        outcome = Outcome.REPEATED
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute("SELECT * FROM ledger.deployment WHERE id = %s", [record.id]).fetchone()
    assert row is not None  # noqa: S101 - rows are never deleted
    if any(row[name] != getattr(record, name) for name in _DEPLOYMENT):
        outcome = Outcome.CONFLICT
    return outcome, row


def deployments(connection: Connection, page: Page) -> list[dict[str, Any]]:
    """Return one row more than the page has, if there is one: it tells that another page follows."""
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(
        """
        SELECT * FROM ledger.deployment
        WHERE %(before)s::bigint IS NULL OR sequence < %(before)s
        ORDER BY sequence DESC LIMIT %(limit)s
        """,
        {"before": page.before, "limit": page.limit + 1},
    ).fetchall()
