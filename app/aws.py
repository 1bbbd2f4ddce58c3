"""The Lambda entry, a team's own: which application is served."""

import os
from typing import Any

from app import create_app
from app.config import Config
from app.entry import answer

application = create_app(Config.from_environ(os.environ))


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event."""
    return answer(application, event, context)
