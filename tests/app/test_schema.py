"""Migrations: in order, once, undone when they fail, and refused when their history was changed."""

from pathlib import Path

import pytest

from app import roles, schema
from app.schema import SchemaError
from tests.conftest import Connection, TestDatabase


def write(folder: Path, **files: str) -> Path:
    """Write migrations; `n0001_first="SQL"` becomes 0001_first.sql."""
    for name, text in files.items():
        (folder / f"{name[1:]}.sql").write_text(text)
    return folder


def tables(connection: Connection) -> set[str]:
    """Return the names of the ledger's tables."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'").fetchall()
    return {str(row[0]) for row in rows}


def test_each_file_is_applied_once_in_order(database: TestDatabase, tmp_path: Path) -> None:
    """A second run applies what is new and nothing else; the tables belong to the owner role."""
    write(
        tmp_path,
        n0002_b="ALTER TABLE ledger.a ADD y int;",
        n0001_a="CREATE TABLE ledger.a (x int); SELECT 1;",
    )
    with database.connect() as connection:
        roles.ensure(connection)

        first = schema.apply(connection, schema.load(tmp_path))
        second = schema.apply(connection, schema.load(write(tmp_path, n0003_c="CREATE TABLE ledger.c ()")))
        third = schema.apply(connection, schema.load(tmp_path))

        assert (["0001_a.sql", "0002_b.sql"], ["0003_c.sql"], []) == (first, second, third)
        assert {"a", "c", "migration"} == tables(connection)
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'ledger'")
        assert [(roles.OWNER,)] == owners.fetchall()


def test_a_failing_file_is_undone_whole_and_those_before_it_stay(
    database: TestDatabase, tmp_path: Path
) -> None:
    """The error names file and line; nothing of the file is left, and it can be applied once mended."""
    write(
        tmp_path, n0001_a="CREATE TABLE ledger.a ()", n0002_b="CREATE TABLE ledger.b ();\n\nCREATE TABEL c ()"
    )
    with database.connect() as connection:
        roles.ensure(connection)

        with pytest.raises(SchemaError, match=r"0002_b.sql line 3 failed and was undone: .*TABEL"):
            schema.apply(connection, schema.load(tmp_path))
        assert {"a", "migration"} == tables(connection)

        write(tmp_path, n0002_b="CREATE TABLE ledger.b ()")
        assert ["0002_b.sql"] == schema.apply(connection, schema.load(tmp_path))


def test_a_changed_history_is_refused(database: TestDatabase, tmp_path: Path) -> None:
    """An applied file must stay as it was; the message says what to do instead."""
    write(tmp_path, n0001_a="CREATE TABLE ledger.a ()")
    with database.connect() as connection:
        roles.ensure(connection)
        schema.apply(connection, schema.load(tmp_path))

        write(tmp_path, n0001_a="CREATE TABLE ledger.other ()", n0002_b="CREATE TABLE ledger.b ()")
        with pytest.raises(SchemaError, match=r"0001_a.sql differs .* new migration"):
            schema.apply(connection, schema.load(tmp_path))
        assert {"a", "migration"} == tables(connection)


def test_an_earlier_release_leaves_a_newer_schema_alone(database: TestDatabase, tmp_path: Path) -> None:
    """A rollback brings fewer files than the database knows, which is no error."""
    write(tmp_path, n0001_a="CREATE TABLE ledger.a ()", n0002_b="CREATE TABLE ledger.b ()")
    with database.connect() as connection:
        roles.ensure(connection)
        schema.apply(connection, schema.load(tmp_path))
        (tmp_path / "0002_b.sql").unlink()

        assert schema.apply(connection, schema.load(tmp_path)) == []
        assert {"a", "b", "migration"} == tables(connection)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"n0002_a": ""}, "0002_a.sql stands where number 0001 belongs"),
        ({"n0001_a": "", "n0001_b": ""}, "0001_b.sql stands where number 0002 belongs"),
        ({"n0001_a": "", "n0003_b": ""}, "0003_b.sql stands where number 0002 belongs"),
        ({"n1_a": ""}, "1_a.sql is no migration's name"),
    ],
)
def test_numbers_without_order_are_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    """Two branches that both added a migration are told before anything is applied."""
    with pytest.raises(SchemaError, match=message):
        schema.load(write(tmp_path, **files))
