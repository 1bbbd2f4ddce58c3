"""Tokens for a database whose users IAM lets in: botocore's own, and checked by what stands in for Amazon RDS.

tests/proxy.py asks for a token as RDS does (PAM, which is AuthenticationCleartextPassword), and verifies its signature
by botocore, as far as a server that knows the credentials can.
"""

import datetime as dt
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import boto3
import pytest
from botocore import auth
from hypothesis import given
from hypothesis import strategies as st

from app import create_app, migrate, roles, tokens
from app import database as application
from app.config import Config, ConfigError, DatabaseConfig, database_config
from app.sigv4 import Keys, presigned
from app.state import state
from sandbox import certificates
from tests.conftest import TestDatabase
from tests.proxy import Proxy, Tokens
from tests.running import PASSWORD, SECRET_ARN, Ledger, environment, signing
from tests.secrets_manager import ENVIRON, SecretsManager

pytestmark = pytest.mark.outside

NOW = dt.datetime(2026, 3, 1, 12, 34, 56, tzinfo=dt.UTC)
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(
    host=st.sampled_from(
        ["dev.abc.eu-west-1.rds.amazonaws.com", "localhost", "p.proxy-abc.cn-north-1.rds.amazonaws.com.cn"]
    ),
    port=st.integers(1, 65535),
    user=st.from_regex(r"[a-z_][a-z0-9_$ +/=&%é]{0,20}", fullmatch=True),
    region=st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1"]),
    session=st.none() | visible,
    secret=visible,
)
def test_a_token_equals_botocore_s(
    host: str, port: int, user: str, region: str, session: str | None, secret: str
) -> None:
    """generate_db_auth_token's, for any host, user, region, key and session, part by part."""
    client = boto3.client(
        "rds",
        region,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=secret,
        aws_session_token=session,
    )
    with mock.patch.object(auth, "get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        theirs = client.generate_db_auth_token(host, port, user, Region=region)
    ours = presigned(
        host=f"{host}:{port}",
        query={"Action": "connect", "DBUser": user},
        service="rds-db",
        region=region,
        keys=Keys("AKIDEXAMPLE", secret, session),
        now=NOW,
        seconds=900,
    )

    assert _parts(theirs) == _parts(ours)


def _parts(token: str) -> tuple[str, list[str]]:
    where, _, query = token.partition("?")
    return where, sorted(query.split("&"))


@pytest.fixture
def in_iam(
    ledger: Ledger, secrets_manager: SecretsManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Tokens, dict[str, str]]]:
    """A database as RDS has it, whose users IAM lets in, and the functions' environment: no secret of theirs.

    The master user may grant `rds_iam`, as on RDS; the migration has run.
    """
    ledger.empty()
    _execute(ledger, "CREATE ROLE rds_iam NOLOGIN")
    made = certificates.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    shutil.copy(made.authority, tmp_path / "certificates.pem")
    monkeypatch.setattr(application, "CERTIFICATES", tmp_path / "certificates.pem")
    session = boto3.Session(
        ENVIRON["AWS_ACCESS_KEY_ID"],
        ENVIRON["AWS_SECRET_ACCESS_KEY"],
        ENVIRON["AWS_SESSION_TOKEN"],
        region_name=ENVIRON["AWS_REGION"],
    )
    iam = Tokens(session, {tokens.USER: PASSWORD})
    values = environment(ledger.database, secrets_manager)
    del secrets_manager.secrets[SECRET_ARN]
    values |= {"DATABASE_AUTHENTICATION": "iam", "DATABASE_TLS": "verify-full", "DATABASE_HOST": "localhost"}
    del values["DATABASE_SECRET_ARN"]
    behind = Proxy(ledger.database.host, ledger.database.port, tls=context)
    before = Proxy(ledger.database.host, ledger.database.port, tls=context, tokens=iam)
    try:
        with behind.serve() as admin, before.serve() as port:
            migrate.migrate({**values, "DATABASE_PORT": str(admin)}, 600.0)
            # What stands in for RDS logs in behind itself.
            _execute(ledger, f"ALTER ROLE {tokens.USER} PASSWORD '{PASSWORD}'")
            values["DATABASE_PORT"] = str(port)
            for name, value in values.items():
                monkeypatch.setenv(name, value)
            monkeypatch.delenv("DATABASE_SECRET_ARN", raising=False)
            yield iam, values
    finally:
        _execute(ledger, f"DROP ROLE IF EXISTS {tokens.USER}; DROP ROLE rds_iam")


def _execute(ledger: Ledger, text: str) -> None:
    ledger.connection.execute(text.encode())


def test_the_application_serves_without_a_password(
    in_iam: tuple[Tokens, dict[str, str]], secrets_manager: SecretsManager
) -> None:
    """It is ready, asks Secrets Manager for nothing, and brings a new token for each connection."""
    iam, values = in_iam
    asked = len(secrets_manager.calls)
    config = Config.from_environ(values)
    app = create_app(config)
    answers = [signing(app).get("/ready").status_code]
    state(app).database.close()
    with mock.patch.object(Tokens, "fault", return_value="") as judged:
        for later in (0, 60):
            clock = mock.Mock(wraps=dt.datetime)
            clock.now.return_value = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=later)
            with mock.patch.object(tokens, "datetime", clock):
                answers.append(signing(app).get("/ready").status_code)
            state(app).database.close()

    assert [200, 200, 200] == answers
    assert 2 == len({call.args[0] for call in judged.call_args_list})
    assert ("", []) == (config.database.secret_arn, iam.refused)
    assert asked == len(secrets_manager.calls)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another-secret-key"}, "the signature is another"),
        ({"AWS_SESSION_TOKEN": "another-session"}, "the signature is another"),
        ({"AWS_ACCESS_KEY_ID": "AKIDSOMEBODY"}, "the signature is another"),
        ({"AWS_REGION": "us-east-1"}, "the signature is another"),
    ],
)
def test_a_token_of_somebody_else_opens_nothing(
    in_iam: tuple[Tokens, dict[str, str]],
    changed: dict[str, str],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """/ready answers 503; neither it nor the log tells a token, a key, or why IAM refused."""
    iam, values = in_iam
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    app = create_app(Config.from_environ({**values, **changed}))
    answer = signing(app).get("/ready")
    state(app).database.close()
    said = capsys.readouterr().out

    assert 503 == answer.status_code
    assert [True] == [one.startswith(why) for one in iam.refused]
    assert "PAM authentication failed" in said
    assert not [word for word in ("X-Amz-", "AKID", *changed.values()) if word in answer.text + said]


def test_a_token_is_for_one_user_one_server_and_a_quarter_of_an_hour(
    in_iam: tuple[Tokens, dict[str, str]],
) -> None:
    """As the stand-in has it: what it refuses is what IAM refuses."""
    iam, values = in_iam
    config = database_config(values)
    good = tokens.token(config, values)
    late = replace(iam, now=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=16))
    found = [
        iam.fault(good.password, tokens.USER, config.port),
        iam.fault(good.password, "ledger_app", config.port),
        iam.fault(good.password, tokens.USER, config.port + 1),
        iam.fault(good.password.replace("Expires=900", "Expires=90000"), tokens.USER, config.port),
        iam.fault(PASSWORD, tokens.USER, config.port),
        late.fault(good.password, tokens.USER, config.port),
    ]

    assert "" == found[0]
    assert ["ledger_app may", "the signature is", "the signature is", "that is no", "it is 0:16:00"] == [
        " ".join(one.split(" ")[:3]).partition(".")[0].removesuffix(" not") for one in found[1:]
    ]


def test_a_database_without_iam_is_told_of(
    ledger: Ledger, secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The migration fails before anything is changed, and says what to do."""
    values = environment(ledger.database, secrets_manager) | {"DATABASE_AUTHENTICATION": "iam"}
    del values["DATABASE_SECRET_ARN"]
    # A server that speaks no TLS: what is tried here comes after that.
    monkeypatch.setattr(migrate, "database_config", lambda _: replace(_plain(values), authentication="iam"))
    with pytest.raises(roles.RoleError, match=r"has no role rds_iam.*DatabaseAuthentication=password"):
        migrate.migrate(values, 600.0)
    there = ledger.connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [tokens.USER]).fetchone()

    assert there is None


def _plain(values: dict[str, str]) -> DatabaseConfig:
    return database_config({**values, "DATABASE_AUTHENTICATION": "password", "DATABASE_SECRET_ARN": "none"})


@pytest.mark.parametrize("authentication", ["IAM", "kerberos", "iam"])
def test_iam_wants_a_verified_server(authentication: str) -> None:
    """Whoever answers gets a token that opens the database: so nobody gets one who isn't the server."""
    values = environment(TestDatabase("db.example.com", 5432, "ledger", "", ""), SecretsManager())
    with pytest.raises(ConfigError, match=r"^DATABASE_AUTHENTICATION is") as told:
        database_config({**values, "DATABASE_AUTHENTICATION": authentication, "DATABASE_TLS": "disable"})

    assert (authentication == "iam") == ("DatabaseTls=verify-full" in str(told.value))
