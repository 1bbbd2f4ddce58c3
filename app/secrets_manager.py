"""The one call that the application makes to AWS: read a secret's value by its ARN."""

import http.client
import json
import os
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from app.sigv4 import Keys, signed_headers

TIMEOUT_SECONDS = 4.0
ATTEMPTS = 3
_PASSING = frozenset({429, 500, 502, 503, 504})
_THROTTLED = frozenset({"ThrottlingException", "RequestLimitExceeded", "InternalServiceError"})


class SecretUnavailableError(Exception):
    """The secret could not be read; the message has no part of its value."""


def get_secret_value(
    arn: str, *, version_stage: str = "AWSCURRENT", environ: Mapping[str, str] = os.environ
) -> str:
    """Return the SecretString of a secret's version.

    Failures that pass (no connection, throttling, 5xx) are tried again, ATTEMPTS times in all.
    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    body = json.dumps({"SecretId": arn, "VersionStage": version_stage}).encode()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            status, answer = _post("GetSecretValue", body, environ)
        except (OSError, http.client.HTTPException) as error:
            reason, passing = f"{type(error).__name__}: {error}", True
        else:
            if status == 200 and isinstance(answer.get("SecretString"), str):
                return cast("str", answer["SecretString"])
            code = str(answer.get("__type", "")).rpartition("#")[2] or _absent(answer)
            reason, passing = f"{status} {code}", status in _PASSING or code in _THROTTLED
        if not passing or attempt == ATTEMPTS:
            break
        time.sleep(0.1 * attempt)
    raise SecretUnavailableError(
        f"Secrets Manager did not give {arn}: {reason}. "
        "Check the function's role, the key that the secret lies under, and the way to the service."
    )


def json_object(text: str | bytes) -> dict[str, Any]:
    """Return the object that the text is in JSON, {} if it is anything else.

    Whatever error there was is dropped: its message may quote the text, which may be a secret.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _absent(answer: Mapping[str, Any]) -> str:
    return "the value is binary, not a text" if "SecretBinary" in answer else "no SecretString in the answer"


def _post(action: str, body: bytes, environ: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    region = environ["AWS_REGION"]
    endpoint = (
        environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER")
        or environ.get("AWS_ENDPOINT_URL")
        or f"https://secretsmanager.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    )
    url = urlsplit(endpoint)
    headers = signed_headers(
        host=url.netloc,
        headers={"content-type": "application/x-amz-json-1.1", "x-amz-target": f"secretsmanager.{action}"},
        body=body,
        service="secretsmanager",
        region=region,
        keys=Keys(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN")
        ),
        now=datetime.now(UTC),
    )
    connection = _connect(url.scheme, url.netloc, environ)
    try:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    return response.status, json_object(content)


def _connect(scheme: str, netloc: str, environ: Mapping[str, str]) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(netloc, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=environ.get("AWS_CA_BUNDLE") or None)
    return http.client.HTTPSConnection(netloc, timeout=TIMEOUT_SECONDS, context=context)
