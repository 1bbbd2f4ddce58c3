"""What lies in the depot: an application that has nothing in common with the first but the adapter."""

import os
from typing import Any

from flask import Flask

from app.wsgi import respond

application = Flask(__name__)


@application.get("/alive")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@application.get("/release")
def release() -> dict[str, str]:
    """Which release this is."""
    names = {
        "commit": "COMMIT",
        "bundle": "BUNDLE_DIGEST",
        "release": "RELEASE_DIGEST",
        "environment": "ENVIRONMENT",
    }
    return {member: os.environ[name] for member, name in names.items()}


@application.get("/stock")
def stock() -> dict[str, int]:
    """How much of what."""
    return {"crates": 12}


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event."""
    return respond(application, event, context)
