"""What Lambda's entry does with an event, whatever application it is for.

What fails is answered, so that Lambda counts no error: it is counted here, by the release, whatever raised it. A
gradual deployment watches that of the new release alone.
"""

import os
from typing import Any
from wsgiref.types import WSGIApplication

from app import log
from app.wsgi import respond

_RELEASE = os.environ["RELEASE_DIGEST"]


def answer(application: WSGIApplication, event: Any, context: Any) -> dict[str, Any]:
    """The application's answer to an event, as API Gateway and the others that send events take it."""
    reply = respond(application, event, context)
    if reply["statusCode"] >= 500:
        counted = log.metrics({"release": _RELEASE}, failures=(1.0, "Count"))
        log.logger.error(
            "answered with an error of ours", extra={"fields": {"status": reply["statusCode"], **counted}}
        )
    return reply
