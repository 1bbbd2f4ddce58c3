"""The release ledger: records of what was built, judged, released and deployed, for people and programs."""

from flask import Flask

from app.ledger import api


def init_app(app: Flask) -> None:
    """Add the ledger to the application."""
    app.register_blueprint(api.blueprint)
