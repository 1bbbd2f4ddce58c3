"""Reading and adding records in the database, whatever their kind."""

import uuid
from enum import Enum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from app.database import Connection
from app.ledger.kinds import Kind, Values
from app.paging import Page


class Outcome(Enum):
    """What became of a record that was to be added."""

    ADDED = 201
    REPEATED = 200
    CONFLICT = 409


def add(
    connection: Connection, kind: Kind, values: Values, recorded_by: str | None
) -> tuple[Outcome, dict[str, Any]]:
    """Add a record; return what became of it and the row that has its id now, another's on a conflict."""
    row = {**values, "recorded_by": recorded_by}
    kept = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()}
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        _table(kind),
        sql.SQL(", ").join(map(sql.Identifier, kept)),
        sql.SQL(", ").join(map(sql.Placeholder, kept)),
    )
    try:
        with connection.transaction():
            connection.execute(insert, kept)
        outcome = Outcome.ADDED
    except psycopg.errors.UniqueViolation:
        outcome = Outcome.REPEATED
    found = one(connection, kind, values["id"])
    if found is None:
        raise LookupError(f"{kind.name} {values['id']} is neither added nor there")
    if any(found[name] != value for name, value in values.items()):
        outcome = Outcome.CONFLICT
    return outcome, found


def one(connection: Connection, kind: Kind, identifier: uuid.UUID) -> dict[str, Any] | None:
    """Return the record with this id, if there is one."""
    query = sql.SQL("SELECT * FROM {} WHERE id = %s").format(_table(kind))
    return connection.cursor(row_factory=dict_row).execute(query, [identifier]).fetchone()


def page(connection: Connection, kind: Kind, page: Page, filters: Values) -> list[dict[str, Any]]:
    """Return the newest records that match every filter.

    There is one more than the page holds when another page follows. The text of the query depends on which
    filters are given, so that each has a plan of its own.
    """
    conditions = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in filters]
    if page.before is not None:
        conditions.append(sql.SQL("sequence < {}").format(sql.Placeholder("before")))
    query = sql.SQL("SELECT * FROM {}{}{} ORDER BY sequence DESC LIMIT {}").format(
        _table(kind),
        sql.SQL(" WHERE " if conditions else ""),
        sql.SQL(" AND ").join(conditions),
        sql.Placeholder("limit"),
    )
    parameters = {**filters, "before": page.before, "limit": page.limit + 1}
    return connection.cursor(row_factory=dict_row).execute(query, parameters).fetchall()


def _table(kind: Kind) -> sql.Identifier:
    return sql.Identifier("ledger", kind.name)
