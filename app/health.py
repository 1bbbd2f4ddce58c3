"""Whether the application lives, whether its database answers, and which release this is."""

import psycopg
from flask import Blueprint, current_app

from app.database import DatabaseUnavailableError, describe
from app.state import state

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, str]:
    """The process answers; no database is asked."""
    return {"status": "ok"}


@blueprint.get("/ready")
def ready() -> dict[str, str]:
    """The database answers a query on the application's table, with the application's rights."""
    try:
        state(current_app).database.run(
            lambda connection: connection.execute("SELECT FROM ledger.deployment LIMIT 1")
        )
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
