"""One bit changed in each kind of thing that is stored: each time it is found, and what was changed is named."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from securesystemslib.dsse import Envelope

from pipeline.base.errors import GateError
from pipeline.base.run import Completed
from pipeline.evidence import envelope, passport
from sandbox.accounts import account, pair
from tests.another_value import OTHER, loosen
from tests.proofs.deployed import Deployed, deployed

pytestmark = [pytest.mark.proof, pytest.mark.marathon, pytest.mark.e2e]
FIRST, SECOND = "v1.0.0", "v1.1.0"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """v1.0.0 in prod, v1.1.0 in dev."""
    with deployed(tmp_path_factory.mktemp("tamper"), pair()) as found:
        for done in (found.team.release(FIRST), found.team.bring_to_dev(SECOND)):
            assert done.status == 0, done.stdout + done.stderr
        _ = found.team.auditor  # the role is there from now on
        yield found


def flipped(content: bytes, place: int) -> bytes:
    """The content with the lowest bit of one byte changed."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def unnoticed(
    dev: Deployed,
    environment: str,
    tag: str,
    ask: Callable[[], Completed],
    change: Callable[[bytes, int], bytes] = flipped,
) -> tuple[list[str], list[str]]:
    """The objects of a tag's bundle; and those of which a changed bit was not found, or not named, by the command.

    Reports are left out: a changed one stops nothing, but is named and not told to the ledger (test_records.py).
    """
    client, bucket = dev.box.aws.client("s3", environment), account(environment).artifacts
    prefix = f"bundles/{dev.team.bundles[tag]}/"
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    keys = [key for key in keys if not key.startswith(f"{prefix}reports/")]
    missed = []
    for key in keys:
        whole = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        for place in (0, len(whole) // 2, len(whole) - 1):
            client.put_object(Bucket=bucket, Key=key, Body=change(whole, place))
            done = ask()
            if done.status != 1 or not named(key.removeprefix(prefix), done.stderr):
                missed.append(f"{key} at {place}: {done.status} {done.stderr}")
        client.put_object(Bucket=bucket, Key=key, Body=whole)
    return [key.removeprefix(prefix) for key in keys], missed


def promotion(dev: Deployed) -> Callable[[], Completed]:
    """`pipeline promote` of the second release."""
    words = ("promote", SECOND, "--expect", dev.team.bundles[SECOND])
    return functools.partial(dev.team.pipeline, "prod", *words)


def named(file: str, said: str) -> bool:
    """Whether an error names the file; of a statement by its kind: attestations/provenance.json is `provenance`."""
    return file in said or Path(file).stem in said or (file == "manifest.json" and "manifest" in said)


def test_a_bit_of_a_bundle_that_is_promoted(dev: Deployed) -> None:
    """Code, template, manifest, every signed statement: `pipeline promote` says which it was; whole, it takes them."""
    ask = promotion(dev)
    files, missed = unnoticed(dev, "dev", SECOND, ask)
    print(files)

    assert not missed
    assert {"app.zip", "rotation.zip", "manifest.json"} <= set(files)
    assert len(files) >= 7
    assert 0 == ask().status


def test_what_was_not_changed_is_no_finding(dev: Deployed) -> None:
    """Sabotage: with nothing changed at all the trial has no success to report, for any file."""
    ask = promotion(dev)
    files, missed = unnoticed(dev, "dev", SECOND, ask, change=lambda content, _: content)

    assert len(files) * 3 == len(missed)


def test_a_bit_of_a_bundle_that_would_be_put_back(dev: Deployed) -> None:
    """`pipeline rollback --dry-run` says which it was."""
    done = dev.team.release(SECOND)
    assert done.status == 0, done.stderr
    ask = functools.partial(dev.team.pipeline, "prod", "rollback", "prod", FIRST, "--dry-run")
    _, missed = unnoticed(dev, "prod", FIRST, ask)

    assert not missed
    assert 0 == ask().status


def accepted(raw: bytes, key: str) -> list[int]:
    """The places of a passport in which another bit makes it no worse: it is accepted, with its content."""
    by = envelope.public_key(key)
    content = passport.verify(raw, by).content
    found = []
    for place in range(len(raw)):
        try:
            verified = passport.verify(flipped(raw, place), by)
        except GateError:
            continue
        assert verified.content == content
        found.append(place)
    return found


@pytest.fixture
def issued(dev: Deployed, tmp_path: Path) -> tuple[bytes, str]:
    """The first release's passport, and the key that signed it."""
    file = tmp_path / "passport.json"
    assert dev.team.pipeline("prod", "passport", FIRST, "--output", str(file)).status == 0
    return file.read_bytes(), dev.team.pipeline("prod", "passport", "key").stdout


def test_a_bit_of_a_passport(issued: tuple[bytes, str]) -> None:
    """Every byte of it in turn: none makes a passport that says something else."""
    raw, key = issued

    assert [] == accepted(raw, key)


def test_a_verification_that_looks_away_is_found(issued: tuple[bytes, str]) -> None:
    """Sabotage: signatures that aren't checked."""
    raw, key = issued
    with mock.patch.object(Envelope, "verify"), pytest.raises(AssertionError):
        accepted(raw, key)


def columns(dev: Deployed, environment: str) -> list[tuple[str, str, str]]:
    """Of every kind of record that the ledger holds: table, column, type."""
    with dev.box.postgres[environment].wait(account(environment).database) as connection:
        found = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'ledger' AND table_name IN (SELECT DISTINCT kind FROM ledger.chain) ORDER BY 1, 2"
        ).fetchall()
    return [(str(table), str(column), str(kind)) for table, column, kind in found]


@pytest.fixture
def unchecked(dev: Deployed) -> None:
    """Somebody who owns dev's database has taken away what the tables ask of values."""
    with dev.box.postgres["dev"].wait(account("dev").database) as connection:
        for kind in sorted({table for table, _, _ in columns(dev, "dev")}):
            loosen(connection, kind)


def verified_with(dev: Deployed, environment: str, table: str, column: str, value: str) -> Completed:
    """What `pipeline ledger verify` says while the newest record of a kind has another value in a column."""
    where, name = sql.Identifier("ledger", table), sql.Identifier(column)
    newest = sql.SQL("ctid = (SELECT ctid FROM {} ORDER BY sequence DESC LIMIT 1)").format(where)
    with dev.box.postgres[environment].wait(account(environment).database) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        row = connection.execute(sql.SQL("SELECT {} FROM {} WHERE {}").format(name, where, newest)).fetchone()
        assert row is not None
        update = sql.SQL("UPDATE {} SET {} = {} WHERE {} RETURNING ctid::text")
        changed = connection.execute(
            update.format(where, name, sql.SQL(value).format(name), newest)
        ).fetchone()
        try:
            return dev.team.pipeline("auditor", "ledger", "verify", environment)
        finally:
            assert changed is not None
            there = sql.SQL("ctid = {}::tid").format(sql.Literal(changed[0]))
            kept = Jsonb(row[0]) if isinstance(row[0], dict | list) else row[0]
            connection.execute(update.format(where, name, sql.Literal(kept), there))


@pytest.mark.usefixtures("unchecked")
def test_another_value_in_any_column_of_the_ledger(dev: Deployed) -> None:
    """Of each kind of record that dev's ledger holds: the link is named, with its kind."""
    missed, tried = [], columns(dev, "dev")
    for table, column, kind in tried:
        done = verified_with(dev, "dev", table, column, OTHER[kind])
        if done.status != 1 or "is broken at link" not in done.stderr:
            missed.append(f"{table}.{column}: {done.status} {done.stdout}{done.stderr}")
    whole = dev.team.pipeline("auditor", "ledger", "verify", "dev")
    print(len(tried), "columns of", sorted({table for table, _, _ in tried}))

    assert not missed
    assert {"check", "deployment", "evidence"} <= {table for table, _, _ in tried}
    assert len(tried) >= 30
    assert 0 == whole.status, whole.stderr


def test_the_same_value_is_no_finding(dev: Deployed) -> None:
    """Sabotage: a record written again with what it said verifies."""
    assert 0 == verified_with(dev, "dev", "deployment", "actor", "{0}").status
