"""The function that brings the database up to date during a deployment, before traffic moves.

CloudFormation calls it as a custom resource; a failure here fails the deployment, and the previous
version goes on serving with the previous schema.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from app import cloudformation, log, roles, schema, tokens
from app.cloudformation import Answer
from app.config import ConfigError, database_config, required
from app.database import Connection, connect, describe
from app.secret import credentials
from app.secrets_manager import SecretUnavailableError, get_secret_value

PHYSICAL_ID = "ledger-schema"
RESERVE_SECONDS = 45.0  # of the function's time, kept for the answer to CloudFormation
LOCK_SECONDS = 60.0

_EXPECTED = (ConfigError, SecretUnavailableError, roles.RoleError, schema.SchemaError)


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Migrate on Create and Update; on Delete leave the data where it is. Always answers CloudFormation."""
    log.configure(os.environ.get("LOG_LEVEL", "INFO"))
    log.request_id.set(context.aws_request_id)
    # A stack made before this id was chosen keeps its own: another one would mean replacement.
    physical_id = event.get("PhysicalResourceId", PHYSICAL_ID)
    answer = Answer(physical_id)
    if event["RequestType"] != "Delete":
        answer = _attempt(physical_id, context.get_remaining_time_in_millis() / 1000)
    cloudformation.send(event, answer)


def _attempt(physical_id: str, seconds: float) -> Answer:
    try:
        applied = migrate(os.environ, seconds - RESERVE_SECONDS)
    except _EXPECTED as error:
        reason = str(error)
    except psycopg.Error as error:
        reason = f"the database refused: {describe(error)}"
    except Exception as error:  # whatever it is, the stack must not wait for its timeout
        log.logger.error("migration failed unexpectedly", exc_info=error)
        reason = f"unexpected {type(error).__name__}; the migration function's log has the rest"
    else:
        log.logger.info("migrated", extra={"fields": {"applied": applied}})
        return Answer(physical_id, data={"Applied": ", ".join(applied)})
    log.logger.error("migration failed", extra={"fields": {"reason": reason}})
    return Answer(physical_id, reason=f"Migration failed: {reason}")


def migrate(environ: Mapping[str, str], seconds: float) -> list[str]:
    """Create roles, apply the missing migrations, and see that the application can connect by its password.

    Whether IAM lets it in is for the application's own role to try, which the migration has not: `/ready` says. Stays
    within about `seconds`. Returns the names of the applied migrations.
    """
    config = database_config(environ)
    migrations = schema.load()
    admin_arn = required(environ, "DATABASE_ADMIN_SECRET_ARN")
    admin = credentials(get_secret_value(admin_arn, environ=environ), admin_arn)
    application = None  # whom IAM lets in needs no secret
    if config.authentication == "password":
        application = credentials(get_secret_value(config.secret_arn, environ=environ), config.secret_arn)
    with connect(config, admin, statement_timeout_ms=0) as connection, _deadline(connection, seconds):
        _lock(connection)
        with connection.transaction():
            roles.ensure(connection, roles.USERS if application else (tokens.USER,))
            if application is None:
                roles.ensure_token(connection, tokens.USER)
        if application is not None:
            roles.ensure_password(connection, config, application)
        return schema.apply(connection, migrations)


@contextmanager
def _deadline(connection: Connection, seconds: float) -> Iterator[None]:
    """Cancel what runs once the time is up: statement_timeout alone would count each statement anew."""
    timer = threading.Timer(seconds, connection.cancel_safe)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _lock(connection: Connection) -> None:
    """Wait for another migration's end; the session's end gives the lock back."""
    connection.execute(f"SET lock_timeout = '{LOCK_SECONDS:.0f}s'")
    try:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('esclusa.migration', 0))")
    except psycopg.errors.LockNotAvailable:
        raise schema.SchemaError(
            f"another migration held the lock for {LOCK_SECONDS:.0f} seconds; let it end and deploy again"
        ) from None
