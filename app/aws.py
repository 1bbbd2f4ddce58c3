"""The Lambda entry: API Gateway's event goes in, its answer comes out."""

import os
from typing import Any

from app import create_app
from app.config import Config
from app.wsgi import respond

application = create_app(Config.from_environ(os.environ))


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event."""
    return respond(application, event, context)
