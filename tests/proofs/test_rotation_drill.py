"""The database password rotates under load, and nobody outside notices."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
import pytest

from rotation.function import STEPS
from sandbox.accounts import account
from tests.proofs.deployed import Deployed, deployed, sabotaged
from tests.proofs.traffic import CLIENTS, Ask, Instances, Traffic
from tests.waiting import until

pytestmark = [pytest.mark.proof, pytest.mark.marathon, pytest.mark.e2e]
RATE = 51.0  # a second
THROTTLING = {
    "ThrottlingRate": "500",
    "ThrottlingBurst": "500",
}  # the stage's own limit would be the first to fail
CYCLE = 12.0  # seconds
ROTATIONS = 5
APP, ROTATION = (f"{account('dev').settings.stack_name}-{name}" for name in ("app", "rotation"))
REQUESTS = 3000  # a minute's, on a machine that keeps up with the rate
IDLE = 5.3  # seconds; the application asks a connection that idled for five whether it lives


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A release that serves, for all drills; each leaves it as it was."""
    with deployed(tmp_path_factory.mktemp("drill"), settings=THROTTLING) as found:
        yield found


@dataclass(frozen=True)
class Drill:
    """What a drill did: its requests, the values that the secret had, and the instances that were ended."""

    traffic: Traffic
    values: list[dict[str, Any]]
    ended: int
    cut: int


def deployment(number: int) -> dict[str, Any]:
    """A record for the ledger, as the pipeline writes them."""
    moment = "2026-01-01T00:00:00Z"
    return {
        "id": str(uuid.uuid4()),
        "environment": "drill",
        "commit": f"{number:040x}",
        "bundle": f"{number:064x}",
        "release": f"{number:064x}",
        "version": None,
        "kind": "deploy",
        "status": "succeeded",
        "started_at": moment,
        "finished_at": moment,
        "run": None,
        "actor": "drill",
        "detail": None,
    }


def ask(number: int) -> Ask:
    """Of ten requests five ask whether the database answers, four read the ledger, one writes into it."""
    if number % 10 == 9:
        return Ask("POST", "/api/deployments", deployment(number))
    return Ask("GET", "/ready" if number % 2 else "/api/deployments?limit=5")


def cut_idle(dev: Deployed) -> int:
    """Let the server end the application's connections that idle, as a failover or a firewall does."""
    with dev.box.postgres["dev"].wait() as connection:
        rows = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'esclusa' "
            "AND state = 'idle' AND state_change < clock_timestamp() - %s * interval '1 s'",
            [IDLE],
        ).fetchall()
    return len(rows)


def drill(dev: Deployed, rotations: int = ROTATIONS) -> Drill:
    """Rotate under load, once a cycle.

    In the cycle's first part the busiest instance ends again and again, most of all while the password rotates. In
    the rest there is less work than instances: those that idle keep credentials of earlier cycles, lose their
    connections at the end, and are needed all at once, since what was held back comes together.
    """
    app = Instances(dev.box.aws.pid, APP)
    values, ended, cut = [dev.version()[1]], 0, 0
    with traffic(dev) as load:
        for cycle in range(rotations):
            began = load.began + cycle * CYCLE
            while time.monotonic() < began + 0.3 * CYCLE:
                ended += recycle(app, load)
                time.sleep(0.9)
            dev.rotate()

            def turned(before: dict[str, Any]) -> dict[str, Any] | None:
                nonlocal ended
                current = dev.version()[1]
                ended += current == before and recycle(app, load)
                return current if current != before else None

            values.append(until(partial(turned, values[-1]), f"rotation {len(values)}", pause=0.2))
            time.sleep(max(IDLE + 0.5, began + CYCLE - time.monotonic()))
            with load.quiet():
                cut += cut_idle(dev)
                time.sleep(2 * CLIENTS / RATE)
        until(lambda: len(load.answers) >= rotations * REQUESTS / ROTATIONS, "the requests that are due")
    return Drill(load, values, ended, cut)


def traffic(dev: Deployed) -> Traffic:
    """The drill's requests, as the deploy role."""
    return Traffic(dev.box.endpoint, dev.box.ca_bundle, dev.reach.url, dev.deployer, ask, RATE)


def recycle(app: Instances, load: Traffic) -> bool:
    """Take the busiest instance away between two requests."""
    with load.quiet():
        return app.end_busiest()


def kept(dev: Deployed) -> list[str]:
    """The ids of the drill's records in the ledger."""
    admin = dev.box.postgres["dev"].administrator
    where = dev.box.postgres["dev"]
    with psycopg.connect(
        host=where.host, port=where.port, dbname=admin.database, user=admin.user, password=admin.password
    ) as connection:
        rows = connection.execute(
            "SELECT id::text FROM ledger.deployment WHERE environment = 'drill'"
        ).fetchall()
    return [str(row[0]) for row in rows]


def refused(value: dict[str, Any]) -> bool:
    """Whether the database takes this user with this password no more."""
    try:
        psycopg.connect(
            host=value["host"],
            port=value["port"],
            dbname=value["dbname"],
            user=value["username"],
            password=value["password"],
        ).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return True
    return False


@contextmanager
def replaced(
    dev: Deployed, function: str, archive: str, file: str, *changes: tuple[str, str]
) -> Iterator[None]:
    """A function runs other code for a while, by its name and by its alias `live`."""
    original = dev.archive(archive)
    put(dev, function, sabotaged(original, file, *changes))
    try:
        yield
    finally:
        put(dev, function, original)


def put(dev: Deployed, function: str, archive: bytes) -> None:
    """Make a function run this archive."""
    client = dev.client("lambda")
    client.update_function_code(FunctionName=function, ZipFile=archive)
    if function == APP:
        version = client.publish_version(FunctionName=function)["Version"]
        client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)


def test_no_request_fails(dev: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    """Three thousand requests in five rotations: every one succeeds, every write is kept once."""
    done = drill(dev)
    with capsys.disabled():
        print(
            f"\nrotation drill: {done.traffic.tell()}, {done.ended} instances ended, {done.cut} connections cut"
        )
    written = [one.ask.body["id"] for one in done.traffic.answers if one.ask.body]

    assert [] == done.traffic.failed
    assert len(done.traffic.answers) >= REQUESTS
    assert ROTATIONS + 1 == len(done.values)
    assert done.ended >= 4 * ROTATIONS
    assert done.cut >= ROTATIONS
    assert sorted(written) == sorted(kept(dev))
    *old, previous, current = done.values
    assert [True] * len(old) == [refused(value) for value in old]
    # The other user's stays good until the next rotation: who began with it may end with it.
    assert [False, False] == [refused(previous), refused(current)]


@pytest.mark.parametrize(
    ("function", "archive", "file", "changes"),
    [
        pytest.param(
            ROTATION,
            "rotation",
            "rotation/function.py",
            [
                ("return USERS[1 - USERS.index(user)]", "return user"),
                ("    STEPS[step](client", "    __import__('time').sleep(1.0)\n    STEPS[step](client"),
            ],
            id="one user, whose password changes while it is in use",
        ),
        pytest.param(
            APP,
            "app",
            "app/database.py",
            [("self._secret.refresh(credentials)", "credentials")],
            id="credentials that are kept and never read again",
        ),
    ],
)
def test_the_drill_finds(
    dev: Deployed, function: str, archive: str, file: str, changes: list[tuple[str, str]]
) -> None:
    """Sabotage: with the one or the other the same drill has failed requests."""
    with replaced(dev, function, archive, file, *changes):
        done = drill(dev, rotations=4)

    assert done.traffic.failed
    assert {503} == {one.status for one in done.traffic.failed}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_rotation_is_run_again(dev: Deployed, step: str, moment: str) -> None:
    """Killed as a step begins, or when it is done and nobody heard: the application answers, and the next ends well."""
    work = "STEPS[step](client, arn, token)"
    death = f"step == {step!r} and os.kill(os.getpid(), 9)"
    lines = [death, work] if moment == "before" else [work, death]
    _, before = dev.version()
    with replaced(
        dev, ROTATION, "rotation", "rotation/function.py", (f"    {work}", "    " + "; ".join(lines))
    ):
        heard = len(said(dev))
        dev.rotate()
        until(lambda: f"{step} failed" in said(dev)[heard:], f"the death at {step}")
        served = dev.reach.get("/ready")
    current, _ = dev.version()
    dev.rotate()
    until(lambda: dev.version()[0] != current, f"the rotation after the death at {step}")
    _, after = dev.version()

    assert {"status": "ok"} == served
    assert before["password"] != after["password"]
    assert not refused(after)
    assert {"status": "ok"} == dev.reach.get("/ready")


def said(dev: Deployed) -> str:
    """The log of the laptop's AWS, which tells of a rotation that failed, and at which step."""
    return dev.box.aws.log.read_text(errors="replace")
