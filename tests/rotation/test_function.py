"""Rotation with two users in turn: each step once, twice, or broken off, and no request fails meanwhile."""

import json
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import boto3
import psycopg
import pytest

from app.config import Config
from app.database import Database
from app.secret import Secret
from rotation import database
from rotation.function import STEPS, RotationError, handler
from tests.proofs.needles import Needles
from tests.refusals import PASSWORD as RIGHT
from tests.refusals import REFUSALS, SPOKEN, Server, refusing
from tests.running import ADMIN_ARN, PASSWORD, SECRET_ARN
from tests.secrets_manager import NEEDLE, SHAPES, SecretsManager

ORDER = list(STEPS)


@pytest.fixture(autouse=True)
def fresh_users(migrated: dict[str, str], secrets_manager: SecretsManager) -> Iterator[None]:
    """Give ledger_app its password back afterwards, and take the other user's: they are the whole server's."""
    admin = secrets_manager.value(ADMIN_ARN)
    yield
    with database.connect(admin["username"], admin["password"], migrated) as connection:
        database.set_password(connection, "ledger_app", PASSWORD)
        connection.execute("ALTER ROLE ledger_app_clone PASSWORD NULL")


def rotate(*steps: str, token: str) -> None:
    """Call the steps as Secrets Manager does."""
    for step in steps:
        handler({"Step": step, "SecretId": SECRET_ARN, "ClientRequestToken": token}, None)


def new_token() -> str:
    """Return a version's id."""
    return str(uuid.uuid4())


def test_the_users_take_turns(secrets_manager: SecretsManager) -> None:
    """Each rotation names the other user with a new password that works; host and port stay."""
    before = secrets_manager.value(SECRET_ARN)
    rotate(*ORDER, token=new_token())
    middle = secrets_manager.value(SECRET_ARN)
    rotate(*ORDER, token=new_token())
    after = secrets_manager.value(SECRET_ARN)

    assert ["ledger_app", "ledger_app_clone", "ledger_app"] == [
        v["username"] for v in (before, middle, after)
    ]
    assert len({value["password"] for value in (before, middle, after)}) == 3
    assert database.works(middle["username"], middle["password"])
    assert database.works(after["username"], after["password"])
    assert [before["host"], before["port"]] == [after["host"], after["port"]]


def test_the_user_in_use_keeps_its_password(secrets_manager: SecretsManager) -> None:
    """Whoever still holds the old credentials can go on: only the idle user changes."""
    before = secrets_manager.value(SECRET_ARN)

    rotate(*ORDER, token=new_token())

    assert database.works(before["username"], before["password"])


def test_every_step_may_be_repeated(secrets_manager: SecretsManager) -> None:
    """Secrets Manager tries steps again at will: the second call changes nothing."""
    token = new_token()
    pending = []
    for step in ORDER[:3]:
        rotate(step, step, token=token)
        pending.append(secrets_manager.value(SECRET_ARN, "AWSPENDING"))
    rotate("finishSecret", "finishSecret", token=token)

    assert pending[0] == pending[1] == pending[2] == secrets_manager.value(SECRET_ARN)


@pytest.mark.parametrize("done", range(5))
def test_a_rotation_that_broke_off_can_start_again(secrets_manager: SecretsManager, done: int) -> None:
    """After any number of steps the whole rotation can be run again under the same token."""
    token = new_token()
    rotate(*ORDER[:done], token=token)

    rotate(*ORDER, token=token)

    value = secrets_manager.value(SECRET_ARN)
    assert value["username"] == "ledger_app_clone"
    assert database.works(value["username"], value["password"])


def test_a_version_without_value_gets_one(secrets_manager: SecretsManager) -> None:
    """Secrets Manager makes the pending version first and leaves its value to the first step."""
    token = new_token()
    secrets_manager.secrets[SECRET_ARN][token] = (None, {"AWSPENDING"})

    rotate(*ORDER, token=token)

    assert secrets_manager.value(SECRET_ARN)["username"] == "ledger_app_clone"


def test_an_untested_password_is_never_made_current(
    secrets_manager: SecretsManager, migrated: dict[str, str]
) -> None:
    """When the pending user can't read the ledger, testSecret fails and the current version stays."""
    token = new_token()
    rotate("createSecret", token=token)

    with pytest.raises(psycopg.OperationalError):
        rotate("testSecret", token=token)

    assert secrets_manager.value(SECRET_ARN)["username"] == "ledger_app"


@pytest.mark.parametrize("user", ["ledger_app", "postgres", "ledger_owner"])
def test_only_the_idle_user_s_password_is_ever_set(secrets_manager: SecretsManager, user: str) -> None:
    """A pending version that names the user in use, or any other, is refused before the database is asked."""
    token = new_token()
    rotate("createSecret", token=token)
    text = secrets_manager.secrets[SECRET_ARN][token][0]
    assert isinstance(text, str)
    altered = text.replace("ledger_app_clone", user)
    secrets_manager.secrets[SECRET_ARN][token] = (altered, {"AWSPENDING"})

    with pytest.raises(RotationError, match="other user"):
        rotate("setSecret", token=token)


def test_setting_a_rotation_up_tests_what_is_current(secrets_manager: SecretsManager) -> None:
    """Secrets Manager then makes a pending copy and calls testSecret alone (RotateSecret's RotateImmediately; moto
    5.2.5 does so, getmoto/moto#8504). It holds while the password works, and sets none."""
    token = new_token()
    current = next(iter(secrets_manager.secrets[SECRET_ARN].values()))[0]
    secrets_manager.secrets[SECRET_ARN][token] = (current, {"AWSPENDING"})
    rotate("testSecret", token=token)

    with pytest.raises(RotationError, match="other user"):
        rotate("setSecret", token=token)


def test_a_current_password_that_does_not_work_fails_the_test(secrets_manager: SecretsManager) -> None:
    """As does a copy that isn't one: only what is current whole is taken for it."""
    token = new_token()
    value = {**secrets_manager.value(SECRET_ARN), "password": "another"}
    secrets_manager.secrets[SECRET_ARN][token] = (json.dumps(value), {"AWSPENDING"})
    with pytest.raises(RotationError, match="other user"):
        rotate("testSecret", token=token)
    secrets_manager.put(SECRET_ARN, value)

    with pytest.raises(psycopg.OperationalError):
        rotate("testSecret", token=token)


def test_the_administrator_s_password_goes_to_our_server_alone(
    secrets_manager: SecretsManager, migrated: dict[str, str]
) -> None:
    """A secret that was altered to name another host leads nobody there."""
    secrets_manager.put(SECRET_ARN, {**secrets_manager.value(SECRET_ARN), "host": "attacker.invalid"})

    rotate(*ORDER, token=new_token())

    assert database.works("ledger_app_clone", secrets_manager.value(SECRET_ARN)["password"])


@pytest.mark.parametrize("missing", ["engine", "host", "username", "password"])
def test_an_incomplete_secret_is_refused_by_name(secrets_manager: SecretsManager, missing: str) -> None:
    """The error names what lacks, and nothing of the value."""
    value = secrets_manager.value(SECRET_ARN)
    del value[missing]
    secrets_manager.put(SECRET_ARN, value)

    with pytest.raises(RotationError, match=f"lacks {missing}") as caught:
        rotate("createSecret", token=new_token())
    assert PASSWORD not in str(caught.value)


ODDEST = ("empty", "binary", "nested deeply", "an array", "password an object", "password with NUL")


@pytest.mark.parametrize(
    ("which", "step", "shape"),
    [
        *(("current", "createSecret", shape) for shape in SHAPES),
        *(
            (which, step, shape)
            for which, step in (
                ("pending", "setSecret"),
                ("pending", "testSecret"),
                ("administrator", "setSecret"),
            )
            for shape in ODDEST
        ),
    ],
)
def test_a_secret_of_another_shape_is_reported_without_its_value(
    secrets_manager: SecretsManager, caplog: pytest.LogCaptureFixture, which: str, step: str, shape: str
) -> None:
    """Whatever lies in any of the secrets: an error of ours that says which, and quotes nothing."""
    token = new_token()
    rotate("createSecret", token=token)
    if which == "pending":
        secrets_manager.secrets[SECRET_ARN][token] = (SHAPES[shape], {"AWSPENDING"})
    else:
        secrets_manager.put(SECRET_ARN if which == "current" else ADMIN_ARN, SHAPES[shape])
        token = new_token() if which == "current" else token
    with pytest.raises(RotationError, match=which) as caught:
        rotate(step, token=token)

    assert NEEDLE not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("shape", ODDEST)
def test_a_pending_version_of_another_shape_changes_nothing(
    secrets_manager: SecretsManager, shape: str
) -> None:
    """Neither the current version nor a user's password, by whatever steps; an empty one is filled first."""
    token = new_token()
    secrets_manager.secrets[SECRET_ARN][token] = (SHAPES[shape], {"AWSPENDING"})
    before = secrets_manager.value(SECRET_ARN)
    if shape == "empty":
        rotate(*ORDER, token=token)
        assert secrets_manager.value(SECRET_ARN)["username"] == "ledger_app_clone"
    else:
        with pytest.raises(RotationError):
            rotate(*ORDER, token=token)
        assert before == secrets_manager.value(SECRET_ARN)
    assert database.works(before["username"], before["password"])


@pytest.mark.parametrize("case", REFUSALS)
def test_only_a_refused_password_counts_as_one(
    case: str, secrets_manager: SecretsManager, migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else keeps the pending user out is the step's failure: the administrator is not called for it."""
    refusal, user = REFUSALS[case], f"refused_{uuid.uuid4().hex}"
    admin = secrets_manager.value(ADMIN_ARN)
    with (
        database.connect(admin["username"], admin["password"], migrated) as connection,
        refusing(connection, refusal, user, user),
    ):
        monkeypatch.setenv("DATABASE_NAME", user)
        monkeypatch.setattr("rotation.function.USERS", ("ledger_app", user))
        token = new_token()
        rotate("createSecret", token=token)
        pending = {**secrets_manager.value(SECRET_ARN, "AWSPENDING"), "password": RIGHT}
        secrets_manager.secrets[SECRET_ARN][token] = (json.dumps(pending), {"AWSPENDING"})
        secrets_manager.calls.clear()
        with pytest.raises(psycopg.OperationalError, match=refusal.state):
            rotate("setSecret", token=token)

    assert ["DescribeSecret", "GetSecretValue", "GetSecretValue"] == secrets_manager.calls


@pytest.mark.parametrize("case", SPOKEN)
def test_a_refused_password_is_told_in_any_language(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's state counts, not its words; one connection says it."""
    severity, state, message, refused = SPOKEN[case]
    server = Server(severity, state, message)
    with server.serve() as port:
        monkeypatch.setenv("DATABASE_PORT", str(port))
        with nullcontext() if refused else pytest.raises(psycopg.OperationalError):
            assert not database.works("u", RIGHT)

    assert 1 == server.attempts


@pytest.mark.parametrize("event", [{}, {"Step": "createSecret"}, {"source": "aws.events"}, None, []])
def test_an_event_of_another_kind_is_refused(event: Any) -> None:
    """What Secrets Manager never sends ends in an error that says who calls this."""
    with pytest.raises(RotationError, match="Secrets Manager's"):
        handler(event, None)


@pytest.mark.parametrize("password", ['quote"s', "back\\slash", "line\nend", "caffè-日本", "a b%2B+&'"])
def test_an_odd_password_never_leaves(
    secrets_manager: SecretsManager,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    password: str,
) -> None:
    """Neither by the log nor by an error, whichever step fails, is any form of a password told."""
    caplog.set_level("DEBUG", "esclusa.rotation")
    token = new_token()
    rotate("createSecret", token=token)
    pending = {**secrets_manager.value(SECRET_ARN, "AWSPENDING"), "password": password}
    secrets_manager.secrets[SECRET_ARN][token] = (json.dumps(pending), {"AWSPENDING"})
    told = []
    for change in ({}, {"DATABASE_PORT": "1"}, {"DATABASE_NAME": "nowhere"}, {"DATABASE_TLS": "verify-full"}):
        with monkeypatch.context() as changed:
            for name, value in change.items():
                changed.setenv(name, value)
            try:
                rotate("setSecret", "testSecret", token=token)
            except Exception as error:
                told += traceback.format_exception(error)
    written = "".join(told) + caplog.text

    assert 3 <= "".join(told).count("OperationalError")
    assert not list(Needles({"password": password}).found(written.encode()))


def test_an_unknown_step_is_refused() -> None:
    """A fifth step is no step of ours."""
    with pytest.raises(RotationError, match="unknown step 'dropSecret'"):
        rotate("dropSecret", token=new_token())


def test_no_request_fails_while_passwords_rotate(
    secrets_manager: SecretsManager, migrated: dict[str, str]
) -> None:
    """A new connection for each request, the secret kept for its lifetime, three rotations: all succeed."""
    served, failures = 0, []
    stop = threading.Event()
    secret = Secret(SECRET_ARN)
    kept = Database(Config.from_environ(migrated).database, secret)

    def serve() -> None:
        nonlocal served
        while not stop.is_set():
            try:
                kept.run(lambda connection: connection.execute("SELECT FROM ledger.deployment"))
                served += 1
            except Exception as error:
                failures.append(error)
            finally:
                kept.close()
            time.sleep(0.005)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        for _ in range(3):
            rotate(*ORDER, token=new_token())
    finally:
        stop.set()
        thread.join()

    assert failures == []
    assert served > 0
    assert boto3.client("secretsmanager").get_secret_value(SecretId=SECRET_ARN)["SecretString"]
