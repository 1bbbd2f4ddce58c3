"""A whole sandbox: its beginning, its end, and what is left of one that was killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from pipeline.base.run import CHECKOUT, run
from sandbox import certificates, processes, state
from sandbox.accounts import accounts
from sandbox.state import Sandbox
from tests.waiting import until

_HOLD = """
import signal, sys, time
# A shell's background job ignores Ctrl-C, and hands that on to what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from sandbox.accounts import accounts
from sandbox.state import Sandbox
with Sandbox(Path(sys.argv[1]), accounts=accounts()[:1], github=False):
    print("up", flush=True)
    time.sleep(86400)
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Sandbox]]:
    """Two sandboxes side by side: one with all accounts, one with dev alone."""
    one = Sandbox(tmp_path_factory.mktemp("one"), accounts=accounts(), github=False)
    other = Sandbox(tmp_path_factory.mktemp("other"), accounts=accounts()[:1], github=False)
    with one, other:
        yield one, other


@pytest.mark.e2e
def test_every_account_is_bootstrapped(pair: tuple[Sandbox, Sandbox]) -> None:
    """Each account has its stack, its SSM values, and a master secret that opens its database."""
    sandbox, _ = pair
    for account in accounts():
        name = account.environment
        stacks = sandbox.aws.client("cloudformation", name).describe_stacks()["Stacks"]
        assert [account.settings.application.bootstrap_stack] == [stack["StackName"] for stack in stacks]
        told = {
            key: sandbox.aws.client("ssm", name).get_parameter(
                Name=f"{account.settings.application.parameters(name)}/database/{key}"
            )["Parameter"]["Value"]
            for key in ("admin-host", "port", "name", "admin-secret-arn")
        }
        secret = sandbox.aws.client("secretsmanager", name).get_secret_value(
            SecretId=told["admin-secret-arn"]
        )
        master = json.loads(secret["SecretString"])
        assert {"username", "password"} == set(master)  # as RDS keeps it
        with psycopg.connect(
            host=told["admin-host"],
            port=told["port"],
            dbname=told["name"],
            user=master["username"],
            password=master["password"],
        ) as connection:
            assert (account.database,) == connection.execute("SELECT current_database()").fetchone()


@pytest.mark.e2e
def test_sandboxes_do_not_meet(pair: tuple[Sandbox, Sandbox]) -> None:
    """Other ports, other data: what one makes the other doesn't have, nor what one account makes the next."""
    one, other = pair
    one.aws.client("s3", "dev").create_bucket(
        Bucket="only-here", CreateBucketConfiguration={"LocationConstraint": accounts()[0].region}
    )

    def buckets(sandbox: Sandbox, name: str) -> set[str]:
        return {each["Name"] for each in sandbox.aws.client("s3", name).list_buckets()["Buckets"]}

    assert one.endpoint != other.endpoint
    assert "only-here" in buckets(one, "dev")
    assert "only-here" not in buckets(other, "dev") | buckets(one, "prod")


@pytest.mark.e2e
def test_the_state_tells_who_runs(pair: tuple[Sandbox, Sandbox]) -> None:
    """The file has endpoint, certificate, accounts, and the processes, and no password."""
    sandbox, _ = pair
    found = state.running(sandbox.folder)

    assert found is not None
    assert (os.getpid(), []) == (found.owner, found.dead)
    assert (sandbox.endpoint, sandbox.ca_bundle) == (found.endpoint, found.ca_bundle)
    assert {account.environment: account.number for account in accounts()} == dict(found.accounts)
    text = (sandbox.folder / "state.json").read_text()
    assert not [1 for server in sandbox.postgres.values() if server.administrator.password in text]


@pytest.mark.e2e
def test_everything_listens_on_loopback_alone(pair: tuple[Sandbox, Sandbox]) -> None:
    """No server, and nothing that one started, can be reached from another machine."""
    running = state.running(pair[0].folder)
    assert running is not None
    family = [one for pid in running.servers.values() for one in (pid, *processes.descendants(pid))]
    listening = [
        (connection.laddr.ip, connection.laddr.port)
        for pid in family
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(running.servers) <= len(listening)
    assert {"127.0.0.1"} == {address for address, _ in listening}


@pytest.mark.e2e
def test_passwords_lie_in_no_file(pair: tuple[Sandbox, Sandbox]) -> None:
    """No file of a sandbox outside of the database's own holds an administrator's password."""
    sandbox, _ = pair
    secrets = [server.administrator.password.encode() for server in sandbox.postgres.values()]
    files = [
        path for path in sandbox.folder.rglob("*") if path.is_file() and "postgres-" not in str(path.parent)
    ]

    assert files
    assert [] == [path for path in files for secret in secrets if secret in path.read_bytes()]


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    """Killed or interrupted, once it is up or while it starts: no server stays, and the folder can be cleaned."""
    for wait in (True, False):
        folder = tmp_path / f"{number.name}-{wait}"
        with _holder(folder) as holder:
            if wait:
                assert holder.stdout is not None
                assert b"up\n" == holder.stdout.readline()
            servers = _servers(folder)
            holder.send_signal(number)
            holder.wait()

        assert servers
        assert _all_end(servers)
        assert None is state.running(folder)
        assert state.clean(folder)
        assert not folder.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError])
@pytest.mark.parametrize("number", range(4))
def test_an_end_that_is_interrupted_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[BaseException]
) -> None:
    """Ctrl-C while a sandbox ends: every part is ended all the same, the interrupted one too, and it is heard."""
    box = Sandbox(tmp_path / "box", accounts=accounts()[:2], github=False)
    ended: list[int] = []
    interrupted: list[int] = []

    def part(own: int) -> Callable[[], None]:
        def stop() -> None:
            if own == number and not interrupted:
                interrupted.append(own)
                raise error
            ended.append(own)

        return stop

    monkeypatch.setattr(box.github, "close", part(0))
    monkeypatch.setattr(box.aws, "stop", part(1))
    for own, server in enumerate(box.postgres.values(), 2):
        monkeypatch.setattr(server, "stop", part(own))
    (tmp_path / "box/state.json").write_text("{}")

    with pytest.raises(error):
        box.stop()
    assert {0, 1, 2, 3} == set(ended)
    assert not (tmp_path / "box/state.json").exists()


@pytest.mark.e2e
def test_clean_ends_what_runs(tmp_path: Path) -> None:
    """`clean` asks the owner to end, waits for it, and removes the folder; then there is nothing to clean."""
    with _holder(tmp_path / "box") as holder:
        assert holder.stdout is not None
        assert b"up\n" == holder.stdout.readline()
        servers = _servers(tmp_path / "box")

        assert state.clean(tmp_path / "box")
        holder.wait()

    assert _all_end(servers)
    assert not state.clean(tmp_path / "box")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"owner": null}', '{"owner": [1], "servers": {}}', '{"owner": 3, "servers": []}'],
)
def test_a_damaged_state_is_none(tmp_path: Path, text: str) -> None:
    """Whatever the file holds, it is no crash: nothing runs."""
    (tmp_path / "state.json").write_text(text)

    assert None is state.running(tmp_path)


def test_another_process_with_the_same_id_is_not_ours(tmp_path: Path) -> None:
    """An id that was given out again is told apart by its start, and isn't ended."""
    mine = [os.getpid(), "1"]
    (tmp_path / "state.json").write_text(
        json.dumps(
            {
                "owner": mine,
                "servers": {"emulator": mine},
                "endpoint": "",
                "ca_bundle": "",
                "databases": {},
                "accounts": {},
                "repository": "",
                "logs": "",
            }
        )
    )

    assert None is state.running(tmp_path)
    assert state.clean(tmp_path)


def _holder(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


def _servers(folder: Path) -> list[int]:
    """The servers of the sandbox that starts in the folder, as soon as its state names them."""

    def named() -> list[int]:
        found = state.running(folder)
        return [pid for pid in found.servers.values() if pid] if found and found.servers["emulator"] else []

    return until(named, "the servers' ids")


def _all_end(servers: list[int]) -> bool:
    """Wait until none of them runs."""
    return until(lambda: not any(processes.alive(pid) for pid in servers), "the servers' end")


@pytest.mark.e2e
def test_the_databases_speak_tls_alone(pair: tuple[Sandbox, Sandbox]) -> None:
    """Each account's parameters say verify-full, the name is the certificate's, and each sandbox trusts its own."""
    for sandbox, other in (pair, pair[::-1]):
        for account in sandbox.accounts:
            path = f"{account.settings.application.parameters(account.environment)}/database"
            asked = sandbox.aws.client("ssm", account.environment).get_parameters(
                Names=[f"{path}/tls", f"{path}/host"]
            )
            server = sandbox.postgres[account.environment]
            words = {"host": server.host, "port": server.port, "dbname": "postgres", "user": "postgres"}
            with pytest.raises(psycopg.OperationalError, match="no encryption"):
                psycopg.connect(**words, sslmode="disable")  # type: ignore[arg-type]
            with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
                psycopg.connect(**{**words, **other.postgres["dev"].verified})

            assert {"verify-full", "localhost"} == {one["Value"] for one in asked["Parameters"]}


@pytest.mark.outside
def test_the_authority_is_committed_beside_the_code(tmp_path: Path) -> None:
    """Wherever RDS's authorities are, and behind what a team trusts already; what has none gets none."""
    source = tmp_path / "source"
    run(["git", "init", "-q", source])
    for name in (
        "a b/rds.pem",
        "nested/b/rds.pem",
        "c/other.pem",
        "not-rds.pem",
        ".gitignore",
        "build/rds.pem",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("build/\n" if name == ".gitignore" else "RDS's")
    (source / "nested/b/certificates.pem").write_text("the team's\n")
    box = Sandbox(tmp_path / "box", source=source, accounts=accounts()[:1])
    certificates.make(box.authority.authority.parent)
    own = box.authority.authority.read_text()
    try:
        box.github.create()
        box._trust()
        git = box.github.remote.git
        changed = git("diff", "--name-only", "origin/main~1", "origin/main").splitlines()
        shown = {name: git("show", f"origin/main:{name}") + "\n" for name in changed}
    finally:
        box.github.close()

    assert {"a b/certificates.pem": own, "nested/b/certificates.pem": f"the team's\n{own}"} == shown


@pytest.mark.outside
def test_a_repository_without_such_code_is_taken_as_it_is(tmp_path: Path) -> None:
    run(["git", "init", "-q", tmp_path / "source"])
    (tmp_path / "source/file").write_text("")
    box = Sandbox(tmp_path / "box", source=tmp_path / "source", accounts=accounts()[:1])
    certificates.make(box.authority.authority.parent)
    try:
        box.github.create()
        box._trust()
        commits = box.github.remote.git("rev-list", "--count", "origin/main")
    finally:
        box.github.close()

    assert "1" == commits
