"""PostgreSQL on loopback."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from pipeline.base.run import CHECKOUT
from sandbox import certificates, postgres, processes
from sandbox.errors import SandboxError
from sandbox.postgres import PostgreSQL

pytestmark = pytest.mark.outside


def _connect(
    server: PostgreSQL, user: str = "", password: str = ""
) -> "psycopg.Connection[tuple[object, ...]]":
    admin = server.administrator
    return psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=admin.database,
        user=user or admin.user,
        password=password or admin.password,
        autocommit=True,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A running server."""
    with PostgreSQL(tmp_path_factory.mktemp("postgres")) as started:
        yield started


@pytest.mark.e2e
def test_the_master_user_is_like_rdss(server: PostgreSQL) -> None:
    """No superuser; may create roles; owns its database."""
    with _connect(server) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, pg_get_userbyid(datdba) FROM pg_roles, pg_database "
            "WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
        connection.execute("CREATE ROLE made_by_admin NOLOGIN")

    assert (False, True, server.administrator.user) == row


@pytest.mark.e2e
def test_what_it_keeps_lies_in_its_folder(server: PostgreSQL) -> None:
    """Killed, it leaves no memory that others see: all that it shares is a file of its folder, which is removed."""
    with _connect(server) as connection:
        (kind,) = connection.execute("SHOW dynamic_shared_memory_type").fetchone() or ("",)

    assert "mmap" == kind
    assert list((server.data / "pg_dynshmem").iterdir())


@pytest.mark.e2e
def test_a_wrong_password_is_refused(server: PostgreSQL) -> None:
    """Loopback is no pass: SCRAM asks everybody, the superuser too."""
    for user in (server.administrator.user, "postgres"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            _connect(server, user=user, password="wrong")


@pytest.mark.e2e
def test_it_listens_on_loopback_alone_and_not_as_root(server: PostgreSQL) -> None:
    """No other address is open, no socket file lies about, and the server is nobody's where we are root."""
    with _connect(server) as connection:
        shown = connection.execute("SHOW listen_addresses").fetchone()

    assert ("127.0.0.1",) == shown
    assert "--unix_socket_directories=" in processes.arguments(server.pid)
    process = psutil.Process(server.pid)
    listening = {
        (one.laddr.ip, one.laddr.port) for one in process.net_connections() if one.status == "LISTEN"
    }
    assert {("127.0.0.1", server.port)} == listening
    assert 0 not in process.uids()
    assert 0 not in process.gids()


@pytest.mark.e2e
def test_the_password_is_shown_nowhere(server: PostgreSQL) -> None:
    """Neither the administrator's text, nor the server's log and arguments hold it."""
    secret = server.administrator.password
    arguments = " ".join(processes.arguments(server.pid))

    assert secret not in repr(server.administrator)
    assert secret not in server.log.read_text() + arguments


@pytest.mark.e2e
def test_it_can_be_interrupted(tmp_path: Path) -> None:
    """After a pause the data is there still, on the same port; after the end it is gone."""
    with PostgreSQL(tmp_path) as started:
        with _connect(started) as connection:
            connection.execute("CREATE TABLE kept (n integer)")
        port = started.port
        started.pause()
        with pytest.raises(psycopg.OperationalError):
            _connect(started)
        started.resume()
        started.wait().close()
        with _connect(started) as connection:
            assert [] == connection.execute("SELECT n FROM kept").fetchall()

    assert port == started.port
    assert 0 == started.pid
    assert not (tmp_path / "postgres").exists()


@pytest.mark.e2e
def test_a_restored_server_has_everything(tmp_path: Path) -> None:
    """Data and users with their passwords, under another name that the certificate is for; the old one has stopped."""
    with PostgreSQL(tmp_path, certificate=certificates.make(tmp_path / "authority")) as old:
        with old.wait(old.administrator.database) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        new = old.restored("postgres-restored", "127.0.0.1")
        try:
            with new.wait(new.administrator.database) as connection:
                rows = connection.execute("SELECT number FROM kept").fetchall()
            admin = new.administrator
            psycopg.connect(
                host="127.0.0.1",
                port=new.port,
                dbname=admin.database,
                user=admin.user,
                password=admin.password,
                **new.verified,
            ).close()
        finally:
            new.stop()

        assert [(7,)] == rows
        assert (0, False) == (old.pid, (tmp_path / "postgres-restored").exists())


@pytest.mark.e2e
def test_it_runs_below_a_closed_folder(tmp_path: Path) -> None:
    """A checkout in a folder that others may not enter, such as /root, is no obstacle."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with PostgreSQL(closed / "sandbox") as started, _connect(started) as connection:
        assert (1,) == connection.execute("SELECT 1").fetchone()
        elsewhere = started.data if (closed / "sandbox/postgres").is_symlink() else closed

    assert not (closed / "sandbox/postgres").is_symlink()
    assert not (elsewhere / "PG_VERSION").exists()


def test_without_its_programs_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 2, the missing program's name, and the command that installs it."""
    monkeypatch.setattr(postgres, "CHECKOUT", tmp_path)

    with pytest.raises(SandboxError, match="initdb is not in") as caught, PostgreSQL(tmp_path):
        pass

    assert 2 == caught.value.exit_code
    assert "make -C" in caught.value.hint


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """Another server's port is refused before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(SandboxError, match=f"Port {port} of 127.0.0.1 is taken"),
            PostgreSQL(tmp_path, port=port),
        ):
            pass

    assert [] == list(tmp_path.iterdir())


@pytest.mark.e2e
@pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves its rights behind, and may then be shut out")
def test_programs_below_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server starts also where its user may not enter the checkout, such as below /root."""
    closed = tmp_path / "closed"
    shutil.copytree(CHECKOUT / ".tools/postgresql", closed / ".tools/postgresql", symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(postgres, "CHECKOUT", closed)

    with PostgreSQL(closed / "state") as server:
        assert server.pid
