"""Ask a ledger with a million deployments what its pages and its API ask, and measure it in the database.

    .venv/bin/python -m benchmarks.ledger

Exit status 1 if a question takes over 50 ms, or reads a table of a million rows from end to end.
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from app import roles, schema
from app.database import Connection
from app.ledger import measures, queries, store
from app.ledger.kinds import CHECK, DEPLOYMENT, FINDING, KINDS, WAIVER
from app.paging import Page
from sandbox.postgres import PostgreSQL

DEPLOYMENTS = 1_000_000
COMMITS = DEPLOYMENTS // 3  # two environments, every third commit released, now and then one undone
LIMIT_MS = 50.0
ROUNDS = 5
BIG = 100_000
"""Rows from which on a table may not be read from end to end."""

type Question = Callable[[Connection], Any]


@dataclass
class Asked:
    """One question: its statements' time in the database, and how the planner answered them."""

    name: str
    milliseconds: float = 0.0
    buffers: int = 0
    indexes: set[str] = field(default_factory=set)
    scans: set[str] = field(default_factory=set)


def commit(number: int) -> str:
    """The commit that the database makes up for a number, too."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:40]


# What a million deployments come with: three checks and now and then a finding a commit, and their chain.
# The rows are inserted without the sealing trigger, which a benchmark of reading doesn't need: one seal takes a
# fraction of a millisecond, a million of them minutes.
_FILL = """
SET session_replication_role = replica;
SET synchronous_commit = off;

CREATE TEMPORARY TABLE made AS
SELECT n AS sequence, n / 3 AS number, n %% 3 AS part,
    left(encode(sha256((n / 3)::text::bytea), 'hex'), 40) AS commit,
    encode(sha256((n / 3)::text::bytea), 'hex') AS bundle,
    timestamptz '2016-01-01 00:00Z' + n * interval '5 minutes' AS at
FROM generate_series(1, %(deployments)s) AS n;

INSERT INTO ledger.deployment
SELECT gen_random_uuid(), sequence, at, 'arn:aws:sts::account:assumed-role/deploy/run',
    CASE WHEN part = 2 THEN 'prod' ELSE 'dev' END, commit, bundle, bundle,
    CASE WHEN part = 2 THEN 'v' || number / 1000 || '.' || number %% 1000 || '.0' END,
    CASE WHEN sequence < %(deployments)s / 20 AND sequence %% 10 = 9 THEN 'rollback' ELSE 'deploy' END,
    CASE WHEN sequence %% 50 = 49 THEN 'failed' ELSE 'succeeded' END,
    at - interval '4 minutes', at - interval '1 minute',
    'https://github.com/owner/repository/actions/runs/' || sequence, 'ada', NULL
FROM made;

INSERT INTO ledger.release
SELECT gen_random_uuid(), sequence + %(deployments)s, at, NULL,
    'v' || number / 1000 || '.' || number %% 1000 || '.0', commit, bundle, 'tomasz', at
FROM made WHERE part = 2;

INSERT INTO ledger."check"
SELECT gen_random_uuid(), 2 * %(deployments)s + sequence, at, NULL, commit,
    (ARRAY['lint', 'policy', 'test'])[part + 1], CASE WHEN sequence %% 40 = 1 THEN 'failed' ELSE 'passed' END, 20000, at
FROM made;

INSERT INTO ledger.finding
SELECT gen_random_uuid(), 3 * %(deployments)s + sequence, at, NULL, commit, 'CKV_AWS_' || sequence %% 97, 'A title',
    (ARRAY['critical', 'high', 'medium', 'low'])[1 + sequence %% 4], 'checkov', 'template.yaml', 12, 'Bucket', NULL,
    'Something is not as it should be.', 'Mend it.', ARRAY['NIST AU-2'], NULL, at
FROM made WHERE part = 0;

INSERT INTO ledger.waiver
SELECT gen_random_uuid(), 4 * %(deployments)s + 3 * sequence + k, at, NULL, commit, 'waiver-' || k, 'CKV_AWS_' || k,
    'Bucket', NULL, 'A reason', 'ada', 'tomasz', 'https://example.com/1', at::date + 90
FROM made, generate_series(1, 3) AS k WHERE part = 0 AND number %% 10 = 0;

INSERT INTO ledger.evidence
SELECT gen_random_uuid(), 8 * %(deployments)s + sequence, at, NULL, bundle, 'passport', 'application/json', bundle,
    9000, 's3://evidence/' || bundle, NULL
FROM made WHERE part = 2;
"""

_SIZE = "SELECT pg_size_pretty(pg_database_size(current_database()))"


@contextmanager
def ledger() -> Iterator[Connection]:
    """A migrated and filled database on a server of its own, as its superuser."""
    with tempfile.TemporaryDirectory(prefix="esclusa-ledger-") as folder:
        Path(folder).chmod(0o755)
        with PostgreSQL(Path(folder)) as server:
            with server.wait() as connection:
                where = make_conninfo(
                    connection.info.dsn,
                    password=connection.info.password,
                    dbname=server.administrator.database,
                )
            with psycopg.connect(where, autocommit=True) as filled:
                roles.ensure(filled)
                schema.apply(filled, schema.load())
                for statement in (_FILL % {"deployments": DEPLOYMENTS}).split(";\n"):
                    filled.execute(statement.encode())
                filled.execute("RESET session_replication_role")
                filled.execute("VACUUM ANALYZE")
                yield filled


def questions() -> dict[str, Question]:
    """What the pages and the API ask, each as they ask it; the release is one from the middle."""
    number = COMMITS // 2
    middle, version = commit(number), f"v{number // 1000}.{number % 1000}.0"
    bundle = hashlib.sha256(str(number).encode()).hexdigest()
    deep = Page(50, DEPLOYMENTS // 2)
    begin = measures.beginning(datetime(2016, 1, 1, tzinfo=UTC) + DEPLOYMENTS * measures.WEEK / 2016)

    def a_list(page: Page, **filters: Any) -> Question:
        return lambda connection: store.page(connection, DEPLOYMENT, page, filters)

    def release(connection: Connection) -> None:
        queries.release(connection, version)
        for kind in (DEPLOYMENT, CHECK, FINDING, WAIVER):
            store.page(connection, kind, Page(200), {"commit": middle})
        queries.evidence(connection, [bundle])

    def home(connection: Connection) -> None:
        for name in queries.environments(connection):
            queries.running(connection, name)
            queries.latest(connection, name)
        queries.ahead(connection, "dev", "prod")
        queries.deployments(connection)
        queries.releases(connection, 8)

    return {
        "list: the newest deployments": a_list(Page(50)),
        "list: a page from the middle": a_list(deep),
        "list: of prod": a_list(Page(50), environment="prod"),
        "list: of prod, failed": a_list(Page(50), environment="prod", status="failed"),
        "list: failed, from the middle": a_list(deep, status="failed"),
        "list: rollbacks, all long ago": a_list(Page(50), kind="rollback"),
        "list: of a commit": a_list(Page(50), commit=middle),
        "list: of a bundle": a_list(Page(50), bundle=bundle),
        "list: of a version": a_list(Page(50), version=version),
        "list: nothing matches": a_list(Page(50), environment="nowhere", status="failed"),
        "page: what runs where": home,
        "page: one release": release,
        "page: measures of dev": lambda connection: queries.since(connection, "dev", begin),
        "page: policy": queries.findings_by_commit,
        "page: waivers": queries.waivers,
        "page: search for a version": lambda connection: queries.search(connection, version),
        "page: search for six digits": lambda connection: queries.search(connection, middle[:6]),
    }


class Explaining(psycopg.Cursor[Any]):
    """Runs each query a second time under EXPLAIN, and notes what it says."""

    asked = Asked("")

    def execute(self, query: Any, params: Any = None, **words: Any) -> "Explaining":
        text = query.as_string(self.connection) if isinstance(query, sql.Composable) else query
        text = text.decode() if isinstance(text, bytes) else text
        if text.lstrip().startswith(("SELECT", "WITH", "(")):
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}".encode()
            plain = psycopg.Cursor(self.connection).execute(explain, params).fetchone()
            self._note(plain[0][0] if plain else {})
        return super().execute(query, params, **words)

    def _note(self, said: dict[str, Any]) -> None:
        self.asked.milliseconds += said["Planning Time"] + said["Execution Time"]
        waiting = [said["Plan"]]
        self.asked.buffers += said["Plan"]["Shared Hit Blocks"] + said["Plan"]["Shared Read Blocks"]
        while waiting:
            node = waiting.pop()
            waiting += node.get("Plans", [])
            if "Index Name" in node:
                self.asked.indexes.add(node["Index Name"])
            read = node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)
            if node["Node Type"].endswith("Seq Scan") and read * node["Actual Loops"] >= BIG:
                self.asked.scans.add(node["Relation Name"])


def ask(connection: Connection, name: str, question: Question) -> Asked:
    """Ask a question several times; its fastest round, so that what else the machine does counts little."""
    rounds = []
    for _ in range(ROUNDS):
        Explaining.asked = Asked(name)
        question(connection)
        rounds.append(Explaining.asked)
    return min(rounds, key=lambda one: one.milliseconds)


def main() -> int:
    """Print the table; 1 when a promise is broken."""
    began = time.monotonic()
    console = Console(width=140)
    failed = False
    with ledger() as connection:
        rows = []
        for kind in KINDS.values():
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("ledger", kind.name))
            (number,) = connection.execute(count).fetchone() or (0,)
            rows += [f"{number:,} {kind.plural}"] if number else []
        (size,) = connection.execute(_SIZE).fetchone() or ("",)
        console.print(f"{', '.join(rows)}: {size}, made in {time.monotonic() - began:.0f} s")
        connection.cursor_factory = Explaining
        table = Table("question", "ms in the database", "blocks of 8 kB", "indexes")
        for name, question in questions().items():
            found = ask(connection, name, question)
            broken = found.milliseconds > LIMIT_MS or bool(found.scans)
            failed |= broken
            said = ", ".join(sorted(found.indexes)) + (
                f"; reads all of {', '.join(found.scans)}" if found.scans else ""
            )
            mark = "[red]" if broken else ""
            table.add_row(name, f"{mark}{found.milliseconds:.2f}", f"{found.buffers:,}", said)
        console.print(table)
    print(
        f"promise: at most {LIMIT_MS:.0f} ms each, no table read from end to end: {'BROKEN' if failed else 'kept'}"
    )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
