"""What the views of one application share."""

from dataclasses import dataclass
from typing import cast

from flask import Flask

from app.config import Config
from app.database import Database


@dataclass(frozen=True)
class State:
    """The settings and the database of one application."""

    config: Config
    database: Database


def state(app: Flask) -> State:
    """Return the application's state."""
    return cast("State", app.extensions["esclusa"])
