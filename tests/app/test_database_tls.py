"""TLS to a PostgreSQL server with a private authority: the application, the migration and the rotation verify it fully,
and the server lets in nobody who speaks none."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app import create_app, migrate
from app import database as application
from app.config import Config, database_config
from app.secret import Credentials
from app.state import state
from rotation import database as rotation
from sandbox import certificates, children
from sandbox.certificates import Certificate
from sandbox.postgres import PostgreSQL
from tests.conftest import TestDatabase
from tests.running import ADMIN_ARN, PASSWORD, SECRET_ARN, environment, signing
from tests.secrets_manager import SecretsManager

HOST, DAY = "localhost", dt.timedelta(days=1)
_SESSION = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.make(tmp_path_factory.mktemp("authority"), (HOST,))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[PostgreSQL]:
    """A server that speaks TLS alone."""
    with PostgreSQL(tmp_path_factory.mktemp("tls"), certificate=certificate) as started:
        yield started


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the code of both functions looks for the team's own authorities; nothing is there yet."""
    for part in (application, rotation):
        monkeypatch.setattr(part, "CERTIFICATES", tmp_path / "certificates.pem")
    return tmp_path


def told(server: PostgreSQL, secrets: SecretsManager, **changes: str) -> dict[str, str]:
    """The functions' environment, with this server in it."""
    admin = server.administrator
    database = TestDatabase(HOST, server.port, admin.database, admin.user, admin.password)
    return {**environment(database, secrets), "DATABASE_TLS": "verify-full", **changes}


@pytest.fixture
def environ(
    server: PostgreSQL, secrets_manager: SecretsManager, folders: Path, certificate: Certificate
) -> dict[str, str]:
    """The functions' environment, the authority beside the code, and a database that is migrated."""
    shutil.copy(certificate.authority, folders / "certificates.pem")
    values = told(server, secrets_manager)
    migrate.migrate(values, 600.0)
    return values


def test_the_migration_and_both_functions_speak_tls(environ: dict[str, str]) -> None:
    """What the server itself says of each of the sessions."""
    with application.connect(database_config(environ), Credentials("ledger_app", PASSWORD)) as one:
        seen = [one.execute(_SESSION).fetchone()]
    with rotation.connect("ledger_app", PASSWORD, environ) as other:
        seen.append(other.execute(_SESSION).fetchone())

    assert [("TLSv1.3",)] * 2 == seen


def test_the_server_refuses_who_speaks_no_tls(environ: dict[str, str], server: PostgreSQL) -> None:
    """Whoever that is, and whatever password they bring; nothing is told in the clear."""
    plain = {**environ, "DATABASE_TLS": "disable"}
    admin = server.administrator
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        application.connect(database_config(plain), Credentials("ledger_app", PASSWORD))
    for user, password in ((admin.user, admin.password), ("postgres", server._superuser)):
        with pytest.raises(psycopg.OperationalError, match="no encryption"):
            rotation.connect(user, password, plain)


@contextmanager
def another(server: PostgreSQL, made: Certificate | None) -> Iterator[None]:
    """The same server with another certificate, or without TLS; afterwards it has its own again."""
    own = server.certificate
    _restart(server, made)
    try:
        yield
    finally:
        _restart(server, own)
        server.wait().close()


def _restart(server: PostgreSQL, certificate: Certificate | None) -> None:
    server.pause()
    server.certificate = certificate
    server.resume()
    assert server._server is not None
    children.wait_for_port(server.port, server._server, "PostgreSQL", server.log)


def of_another_authority(folder: Path) -> Certificate:
    """Whoever can answer in the server's place may have one for its name, from somebody else."""
    return certificates.make(folder / "made", (HOST,))


def expired(folder: Path) -> Certificate:
    made = certificates.make(folder / "made", (HOST,), life=-DAY)
    shutil.copy(made.authority, folder / "certificates.pem")
    return made


def of_an_authority_that_has_ended(folder: Path) -> Certificate:
    made = certificates.make(folder / "made", (HOST,), trusted=-DAY)
    shutil.copy(made.authority, folder / "certificates.pem")
    return made


def of_another_name(folder: Path) -> Certificate:
    made = certificates.make(folder / "made", ("another.example.com",))
    shutil.copy(made.authority, folder / "certificates.pem")
    return made


def none_at_all(_folder: Path) -> None:
    return None


@pytest.mark.parametrize(
    ("sabotage", "reason"),
    [
        (of_another_authority, "certificate verify failed"),
        (expired, "certificate verify failed"),
        (of_an_authority_that_has_ended, "certificate verify failed"),
        (of_another_name, "does not match host name"),
        (none_at_all, "server does not support SSL, but SSL was required"),
    ],
)
def test_a_server_that_is_not_the_right_one_is_refused(
    sabotage: Callable[[Path], Certificate | None],
    reason: str,
    server: PostgreSQL,
    certificate: Certificate,
    folders: Path,
    secrets_manager: SecretsManager,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the application, the migration and the rotation, each with the reason. /ready answers 503, and tells
    nobody why, nor whom it asked; the log has it. A password stands nowhere."""
    shutil.copy(certificate.authority, folders / "certificates.pem")
    with another(server, sabotage(folders)):
        values = told(server, secrets_manager)
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        config = database_config(values)
        with pytest.raises(psycopg.OperationalError, match=reason) as first:
            application.connect(config, Credentials("ledger_app", PASSWORD))
        with pytest.raises(psycopg.OperationalError, match=reason) as second:
            migrate.migrate(values, 600.0)
        with pytest.raises(psycopg.OperationalError, match=reason) as third:
            rotation.connect("ledger_app", PASSWORD, values)
        app = create_app(Config.from_environ(values))
        answer = signing(app).get("/ready")
        state(app).database.close()
        said = capsys.readouterr().out
        errors = "\n".join(str(one.value) for one in (first, second, third))

    assert 503 == answer.status_code
    assert not [word for word in (reason, HOST, str(server.port), "certif", "SSL") if word in answer.text]
    assert reason in said
    assert not [
        word
        for word in (PASSWORD, server.administrator.password, SECRET_ARN, ADMIN_ARN)
        if word in said + errors + answer.text
    ]
    if reason == "certificate verify failed":
        assert "has ended, or no authority that is trusted here signed it" in application.describe(
            first.value
        )
