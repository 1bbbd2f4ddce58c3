"""Answers to CloudFormation for a custom resource.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import os
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError

from app.log import logger, masked

MAX_REASON = 1000
ATTEMPTS = 4
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """What the handler did: its resource's id, and either data or the reason why it failed."""

    physical_id: str
    reason: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)


def send(event: Mapping[str, Any], answer: Answer) -> None:
    """PUT the answer to the event's ResponseURL; without it the stack would wait until its timeout."""
    body = json.dumps(
        {
            "Status": "SUCCESS" if answer.reason is None else "FAILED",
            "Reason": masked(answer.reason or "done")[:MAX_REASON],
            "PhysicalResourceId": answer.physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": dict(answer.data),
        }
    ).encode()
    url = event["ResponseURL"]
    if not url.startswith(("https://", "http://")):
        raise ValueError("ResponseURL is no web address")
    context = None
    if url.startswith("https://"):
        context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    for attempt in range(1, ATTEMPTS + 1):
        # The URL is signed for a PUT without a content type.
        request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation gives the address
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context):  # noqa: S310 - as above
                return
        except OSError as error:
            permanent = isinstance(error, HTTPError) and error.code < 500
            if permanent or attempt == ATTEMPTS:
                raise
            logger.warning("CloudFormation did not take the answer, trying again")
            time.sleep(attempt)
