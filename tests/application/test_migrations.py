"""The migrations of app/migrations, as a deployment runs them."""

from app import schema
from tests.running import Ledger


def test_our_own_migrations_load() -> None:
    """The shipped folder is in order, from its first file on."""
    assert schema.load()[0].name.startswith("0001_")


def test_they_have_all_run(ledger: Ledger) -> None:
    """On an empty database, one after the other, each once."""
    rows = ledger.connection.execute("SELECT name FROM ledger.migration ORDER BY name").fetchall()

    assert [one.name for one in schema.load()] == [str(row[0]) for row in rows]
