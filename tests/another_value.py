"""Tampering with PostgreSQL: what a table asks of values is taken away, and each value made another one, in SQL."""

from psycopg import sql

from tests.conftest import Connection

OTHER = {
    "text": "coalesce({0}, '') || 'x'",
    "uuid": "gen_random_uuid()",
    "integer": "coalesce({0}, 0) # 1",
    "bigint": "coalesce({0}, 0) # 1",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "date": "coalesce({0}, current_date) + 1",
    "jsonb": "'[{{\"x\": 1}}]'::jsonb || coalesce({0}, 'null')",
    "ARRAY": "{0} || 'x'::text",
}


def loosen(owner: Connection, kind: str) -> None:
    """Take away what the ledger's table of a kind asks of values: its checks and foreign keys."""
    for (name,) in owner.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'f')",
        [f"ledger.{kind}"],
    ).fetchall():
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        owner.execute(drop.format(sql.Identifier("ledger", kind), sql.Identifier(str(name))))
