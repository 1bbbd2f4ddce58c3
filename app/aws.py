"""The Lambda entry: API Gateway's event goes in, its answer comes out.

What fails is answered, so that Lambda counts no error: it is counted here, by the release, whatever raised it. A
gradual deployment watches that of the new release alone.
"""

import os
from typing import Any

from app import create_app, log
from app.config import Config
from app.wsgi import respond

application = create_app(Config.from_environ(os.environ))
_RELEASE = os.environ["RELEASE_DIGEST"]


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event."""
    reply = respond(application, event, context)
    if reply["statusCode"] >= 500:
        counted = log.metrics({"release": _RELEASE}, failures=(1.0, "Count"))
        log.logger.error(
            "answered with an error of ours", extra={"fields": {"status": reply["statusCode"], **counted}}
        )
    return reply
