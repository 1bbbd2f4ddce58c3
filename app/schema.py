"""The schema's history: numbered SQL files, each applied once, in order, in a transaction of its own."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from app.database import Connection, describe
from app.roles import OWNER

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class SchemaError(Exception):
    """The migrations can't be applied; the message names the file and the way out."""


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name, its SQL and the SHA-256 of that."""

    number: int
    name: str
    text: str
    digest: str


def load(folder: Path = FOLDER) -> list[Migration]:
    """Read the migrations in order; their numbers must run from 1 without a gap."""
    migrations = []
    for path in sorted(folder.iterdir()):
        if path.suffix != ".sql":
            continue
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise SchemaError(f"{path.name} is no migration's name; call it NNNN_what_it_does.sql")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        migrations.append(Migration(int(match[1]), path.name, content.decode(), digest))
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise SchemaError(f"{migration.name} stands where number {expected:04} belongs; renumber it")
    return migrations


def apply(connection: Connection, migrations: list[Migration]) -> list[str]:
    """Apply what is missing and return the names; SchemaError leaves the failed file without a trace.

    A database that knows more migrations than there are files is fine: that is a rollback, and
    migrations must leave the schema usable by the release before them.
    """
    with connection.transaction():
        _become_owner(connection)
        connection.execute(
            """
            CREATE TABLE IF NOT EXISTS ledger.migration (
                number     integer     PRIMARY KEY,
                name       text        NOT NULL,
                digest     text        NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            )
            """
        )
        known = {
            int(number): (str(name), str(digest))
            for number, name, digest in connection.execute(
                "SELECT number, name, digest FROM ledger.migration"
            ).fetchall()
        }
    for migration in migrations:
        if migration.number in known and known[migration.number][1] != migration.digest:
            raise SchemaError(
                f"{migration.name} differs from what was applied as {known[migration.number][0]}; "
                "restore the applied text and put the change into a new migration"
            )
    missing = [migration for migration in migrations if migration.number not in known]
    for migration in missing:
        _apply_one(connection, migration)
    return [migration.name for migration in missing]


def _apply_one(connection: Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            _become_owner(connection)
            # Without parameters the text goes through the simple protocol, which takes many statements.
            connection.execute(sql.SQL(migration.text))
            connection.execute(
                "INSERT INTO ledger.migration (number, name, digest) VALUES (%s, %s, %s)",
                [migration.number, migration.name, migration.digest],
            )
    except psycopg.errors.QueryCanceled:
        raise SchemaError(
            f"{migration.name} took longer than the deployment allows and was undone; "
            "split it, or do the long part outside a migration"
        ) from None
    except psycopg.Error as error:
        position = error.diag.statement_position
        line = migration.text.count("\n", 0, int(position)) + 1 if position else None
        where = migration.name if line is None else f"{migration.name} line {line}"
        raise SchemaError(f"{where} failed and was undone: {describe(error)}") from None


def _become_owner(connection: Connection) -> None:
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(OWNER)))
