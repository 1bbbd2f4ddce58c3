"""Whether the application lives, whether its database answers, and which release this is."""

import psycopg
from flask import Blueprint, current_app

from app.database import DatabaseUnavailableError, describe
from app.state import state

# An unknown schema is an error; a known one that is closed to us is a division by zero.
_READY = "SELECT 1 / has_schema_privilege('ledger', 'USAGE')::int"

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, str]:
    """The process answers; no database is asked."""
    return {"status": "ok"}


@blueprint.get("/ready")
def ready() -> dict[str, str]:
    """The database answers, and lets the application's user into the application's schema."""
    try:
        state(current_app).database.run(lambda connection: connection.execute(_READY))
    except psycopg.Error as error:
        raise DatabaseUnavailableError(
            f"the schema is not there, or not ours to read: {describe(error)}"
        ) from None
    return {"status": "ok"}


@blueprint.get("/version")
def version() -> dict[str, str]:
    """Which commit and bundle run here."""
    config = state(current_app).config
    return {
        "commit": config.commit,
        "bundle": config.bundle,
        "environment": config.environment,
        "release": config.release,
    }
