"""Who calls: the IAM identity that API Gateway checked, taken from its event and from nowhere else."""

from typing import Any

from flask import Request


def caller(request: Request) -> str | None:
    """Return the ARN of the IAM identity that signed the request, or None on an open route."""
    event: Any = request.environ.get("aws.event")
    for name in ("requestContext", "identity", "userArn"):
        event = event.get(name) if isinstance(event, dict) else None
    return event if isinstance(event, str) and event else None
