"""The release ledger: records of what was built, judged, released and deployed, for people and programs."""

from flask import Flask

from app.ledger import api, pages, sessions


def init_app(app: Flask) -> None:
    """Add the ledger to the application."""
    for blueprint in (api.blueprint, sessions.blueprint, pages.blueprint):
        app.register_blueprint(blueprint)
