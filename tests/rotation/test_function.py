"""Rotation with two users in turn: each step once, twice, or broken off, and no request fails meanwhile."""

import threading
import time
import uuid
from collections.abc import Iterator

import boto3
import psycopg
import pytest

from app.config import Config
from app.database import Database
from app.secret import Secret
from rotation import database
from rotation.function import STEPS, RotationError, handler
from tests.app.conftest import ADMIN_ARN, PASSWORD, SECRET_ARN
from tests.app.secrets_manager import SecretsManager

ORDER = list(STEPS)


@pytest.fixture(autouse=True)
def fresh_users(migrated: dict[str, str], secrets_manager: SecretsManager) -> Iterator[None]:
    """Give ledger_app its password back afterwards, and take the other user's: they are the whole server's."""
    yield
    admin = secrets_manager.value(ADMIN_ARN)
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
    assert text is not None
    altered = text.replace("ledger_app_clone", user)
    secrets_manager.secrets[SECRET_ARN][token] = (altered, {"AWSPENDING"})

    with pytest.raises(RotationError, match="other user"):
        rotate("setSecret", token=token)


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
