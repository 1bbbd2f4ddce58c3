"""Rotation with two users in turn: while one is in use the other gets a new password, then they swap.

The key that signs session cookies rotates through the same function, without a database: the application
accepts the version before the current one, too.

Secrets Manager calls the four steps in order and repeats any of them at will, so each looks first
whether it is done already. Nothing here changes the user that the application is using.
Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import boto3

from rotation import database

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

USERS = ("ledger_app", "ledger_app_clone")
PASSWORD_LENGTH = 40
SIGNING_KEY_LENGTH = 64
_LOGIN = ("username", "password")
_FIELDS = ("engine", "host", "port", "dbname", *_LOGIN)
_ADMIN = "administrator's"

logger = logging.getLogger("esclusa.rotation")

Value = dict[str, Any]


class RotationError(Exception):
    """The step can't be done; the message says why and holds no secret."""


def handler(event: Mapping[str, str], context: object) -> None:
    """Do the step that the event names for its secret and version."""
    del context
    try:
        step, arn, token = event["Step"], event["SecretId"], event["ClientRequestToken"]
    except (KeyError, TypeError):
        raise RotationError(
            "the event is none of Secrets Manager's; rotate the secret, don't invoke this"
        ) from None
    if step not in STEPS:
        raise RotationError(f"unknown step {step!r}; Secrets Manager calls {', '.join(STEPS)}")
    client = boto3.client("secretsmanager")
    stages = client.describe_secret(SecretId=arn).get("VersionIdsToStages", {})
    if "AWSCURRENT" in stages.get(token, []):
        logger.info("version %s is current already, nothing to do", token)
        return
    STEPS[step](client, arn, token)
    logger.info("%s done for version %s", step, token)


def create_secret(client: "SecretsManagerClient", arn: str, token: str) -> None:
    """Store the other user with a new password as the pending version, unless it is stored."""
    if _stored(client, arn, token):
        return
    current = _read(client, "current", SecretId=arn, VersionStage="AWSCURRENT")
    if _is_signing_key(current):
        value: Value = {"signing_key": _random(client, SIGNING_KEY_LENGTH)}
    else:
        value = _parse(current, "current", _FIELDS)
        value["username"] = _other(value["username"])
        value["password"] = _random(client, PASSWORD_LENGTH)
    client.put_secret_value(
        SecretId=arn, ClientRequestToken=token, SecretString=json.dumps(value), VersionStages=["AWSPENDING"]
    )


def set_secret(client: "SecretsManagerClient", arn: str, token: str) -> None:
    """Give the pending user its password in the database, with the administrator's rights."""
    pending = _pending(client, arn, token)
    if pending is None:
        return
    if database.works(pending["username"], pending["password"]):
        return
    admin_arn = os.environ["DATABASE_ADMIN_SECRET_ARN"]
    admin = _parse(_read(client, _ADMIN, SecretId=admin_arn), _ADMIN, _LOGIN)
    with database.connect(admin["username"], admin["password"]) as connection:
        database.set_password(connection, pending["username"], pending["password"])


def test_secret(client: "SecretsManagerClient", arn: str, token: str) -> None:
    """Connect as the pending user and see that the application's schema is open to it.

    When a rotation is set up without rotating at once, Secrets Manager calls this step alone, on a pending version that
    it makes for that and removes again: a copy of the current one, which names the user that the application is using.
    Source: RotateSecret in Secrets Manager's API, RotateImmediately.
    """
    pending = _pending(client, arn, token, may_be_current=True)
    if pending is None:
        return
    with database.connect(pending["username"], pending["password"]) as connection:
        connection.execute("SELECT 1 / has_schema_privilege('ledger', 'USAGE')::int")


def finish_secret(client: "SecretsManagerClient", arn: str, token: str) -> None:
    """Make the pending version the current one; the application's next read gets it."""
    stages = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    current = next((version for version, names in stages.items() if "AWSCURRENT" in names), None)
    if current is None:
        raise RotationError("the secret has no current version; restore one before rotating")
    client.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )


STEPS: dict[str, Callable[["SecretsManagerClient", str, str], None]] = {
    "createSecret": create_secret,
    "setSecret": set_secret,
    "testSecret": test_secret,
    "finishSecret": finish_secret,
}


def _stored(client: "SecretsManagerClient", arn: str, token: str) -> bool:
    """Tell whether the pending version has a value; Secrets Manager makes it without one."""
    try:
        answer = client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        return False
    return bool(answer.get("SecretString") or answer.get("SecretBinary"))


def _read(client: "SecretsManagerClient", what: str, **version: str) -> str:
    """Return a version's text. Raises RotationError for one that has none."""
    try:
        answer = client.get_secret_value(**version)
    except client.exceptions.ResourceNotFoundException:
        raise RotationError(f"the {what} version has no value; rotate again from the first step") from None
    if not answer.get("SecretString"):
        raise RotationError(f"the {what} version is empty or binary; store a JSON object as its text")
    return answer["SecretString"]


def _random(client: "SecretsManagerClient", length: int) -> str:
    return client.get_random_password(PasswordLength=length, ExcludePunctuation=True)["RandomPassword"]


def _is_signing_key(text: str) -> bool:
    return set(_object(text)) == {"signing_key"}


def _pending(
    client: "SecretsManagerClient", arn: str, token: str, *, may_be_current: bool = False
) -> Value | None:
    """Return the pending version, which must not be the user that the application is using.

    With `may_be_current` it may be a copy of the current version. None for a signing key,
    which no other system has to be told.
    """
    text = _read(client, "pending", SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
    if _is_signing_key(text):
        return None
    current = _read(client, "current", SecretId=arn, VersionStage="AWSCURRENT")
    pending, used = _parse(text, "pending", _FIELDS), _parse(current, "current", _FIELDS)
    if may_be_current and pending == used:
        return pending
    if pending["username"] != _other(used["username"]):
        raise RotationError("the pending version does not name the other user; delete it and rotate again")
    return pending


def _parse(text: str, what: str, fields: Sequence[str]) -> Value:
    value = _object(text)
    missing = [
        name for name in fields if not value.get(name) or (name in _LOGIN and not _usable(value[name]))
    ]
    if missing:
        raise RotationError(
            f"the {what} version lacks {', '.join(missing)}; see DatabaseSecret in template.yaml"
        )
    return value


def _object(text: str) -> Value:
    """The object that the text is in JSON, {} for anything else: the error is dropped, which may quote the secret."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _usable(value: object) -> bool:
    """Tell whether it is a text that PostgreSQL takes whole: no NUL, no half of a surrogate pair."""
    return isinstance(value, str) and not any(one == "\0" or "\ud800" <= one <= "\udfff" for one in value)


def _other(user: str) -> str:
    if user not in USERS:
        raise RotationError(f"the secret names the user {user!r}; it must be one of {', '.join(USERS)}")
    return USERS[1 - USERS.index(user)]
