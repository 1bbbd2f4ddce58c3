"""What the views of one application share."""

from dataclasses import dataclass
from typing import cast

from flask import Flask

from app import tokens
from app.config import Config
from app.database import Database
from app.secret import Secret


@dataclass(frozen=True)
class State:
    """The settings and the database of one application."""

    config: Config
    database: Database

    @classmethod
    def of(cls, config: Config) -> "State":
        """The state of an application with these settings; nothing is opened before a request needs it."""
        of = config.database
        credentials = tokens.tokens(of) if of.authentication == "iam" else Secret(of.secret_arn)
        return cls(config, Database(of, credentials))


def state(app: Flask) -> State:
    """Return the application's state."""
    return cast("State", app.extensions["esclusa"])
