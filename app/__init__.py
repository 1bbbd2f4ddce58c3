"""The release ledger: a Flask application that records what was deployed where."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Config


def create_app(config: "Config") -> "Flask":
    """Build the application; nothing is opened or read before a request needs it."""
    # Here, since the migration takes this package too, and ships without Flask.
    from app import factory

    return factory.build(config)
