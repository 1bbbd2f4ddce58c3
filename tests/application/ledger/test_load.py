"""Many functions' instances write into one ledger at once: nothing is lost, nothing is doubled, the chain holds."""

import json
import multiprocessing
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import sql

from app import migrate, roles
from app.ledger import chain
from tests.conftest import Connection, TestDatabase
from tests.running import a_deployment, environment
from tests.secrets_manager import SecretsManager

pytestmark = [pytest.mark.proof, pytest.mark.e2e]
INSTANCES = 6
RECORDS = 60  # each is written by two instances
_LOCK = "PERFORM pg_advisory_xact_lock(hashtextextended('ledger.chain', 0));"


@dataclass(frozen=True)
class Written:
    """What the instances were told, an id and a status a write; and the ledger afterwards."""

    answers: list[tuple[str, int]]
    rows: list[tuple[str, int]]  # id and sequence number
    chain: chain.Verdict


@pytest.fixture
def environ(database: TestDatabase) -> Iterator[dict[str, str]]:
    """The application's environment, its database migrated."""
    with SecretsManager() as service:
        values = environment(database, service)
        migrate.migrate(values, 600.0)
        yield values


@pytest.fixture
def owner(environ: dict[str, str], database: TestDatabase) -> Iterator[Connection]:
    """Somebody with the rights of the tables' owner."""
    with database.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(roles.OWNER)))
        yield connection


def instance(environ: dict[str, str], records: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """One instance of the function, a process: what it answers to each record."""
    os.environ.update(environ)
    from app.aws import handler  # made from the environment, as on Lambda

    told = []
    for record in records:
        event = {
            "httpMethod": "POST",
            "path": "/api/deployments",
            "headers": {"content-type": "application/json"},
            "body": json.dumps(record),
            "isBase64Encoded": False,
            "requestContext": {
                "path": "/live/api/deployments",
                "stage": "live",
                "identity": {"userArn": "arn:drill"},
            },
        }
        told.append((str(record["id"]), int(handler(event, None)["statusCode"])))
    return told


def write(environ: dict[str, str], owner: Connection) -> Written:
    """Let the instances write, each record by two of them, in opposite orders."""
    records = [a_deployment(id=str(uuid.uuid4()), commit=f"{number:040x}") for number in range(RECORDS)]
    shares = [records[number % (INSTANCES // 2) :: INSTANCES // 2] for number in range(INSTANCES)]
    work = [
        (environ, share if number < INSTANCES // 2 else share[::-1]) for number, share in enumerate(shares)
    ]
    with multiprocessing.get_context("spawn").Pool(INSTANCES) as pool:
        answers = [one for told in pool.starmap(instance, work, chunksize=1) for one in told]
    rows = owner.execute("SELECT id::text, sequence FROM ledger.deployment ORDER BY sequence").fetchall()
    return Written(answers, [(str(row[0]), int(row[1])) for row in rows], chain.verify(owner, 0))


def test_nothing_is_lost_and_nothing_doubled(environ: dict[str, str], owner: Connection) -> None:
    """Of two who write the same record one makes it and one finds it; the chain has a link a record."""
    done = write(environ, owner)
    told = {one: sorted(status for id_, status in done.answers if id_ == one) for one, _ in done.answers}

    assert RECORDS == len(told)
    assert {(200, 201)} == {tuple(statuses) for statuses in told.values()}
    assert sorted(told) == sorted(id_ for id_, _ in done.rows)
    assert list(range(1, RECORDS + 1)) == [sequence for _, sequence in done.rows]
    assert (None, RECORDS, True) == (done.chain.broken, done.chain.last, done.chain.complete)


def test_a_ledger_without_its_lock_is_found(environ: dict[str, str], owner: Connection) -> None:
    """Sabotage: two who seal at once take the same place in the chain; not every write succeeds."""
    (source,) = owner.execute("SELECT pg_get_functiondef('ledger.seal'::regproc)").fetchone() or ("",)
    assert source.count(_LOCK) == 1
    owner.execute(
        source.replace(_LOCK, "").replace("NEW.recorded_at :=", "PERFORM pg_sleep(0.02); NEW.recorded_at :=")
    )
    done = write(environ, owner)
    statuses = Counter(status for _, status in done.answers)

    assert set(statuses) - {200, 201}, statuses
