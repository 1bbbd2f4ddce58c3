"""The function that asks a new version for its health before any traffic moves to it.

CodeDeploy calls it before it moves the first request, and moves none unless the answer is "Succeeded". The version is
called as API Gateway calls it, so that its code, its variables, its secret and its database are all tried.
Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from app import log
from app.config import required

TRIES = 3  # a first call may meet a cold start, and a database that wakes up
PAUSE_SECONDS = 2.0


def handler(event: Mapping[str, str], context: Any) -> None:
    """Ask, and answer CodeDeploy whatever comes of it: without an answer it would wait for an hour."""
    import boto3  # of the runtime; the application itself does without

    log.configure(os.environ.get("LOG_LEVEL", "INFO"))
    log.request_id.set(context.aws_request_id)
    try:
        wrong = unfit(boto3.client("lambda"), os.environ)
    except Exception as error:  # whatever it is, nothing is known of the version
        log.logger.error("the new version could not be asked", exc_info=error)
        wrong = f"it could not be asked: {type(error).__name__}"
    if wrong:
        log.logger.error("the new version gets no traffic", extra={"fields": {"reason": wrong}})
    boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Failed" if wrong else "Succeeded",
    )


def unfit(client: Any, environ: Mapping[str, str]) -> str:
    """What keeps the new version from serving; nothing when it answers each route with 200, as this release."""
    version, release = required(environ, "NEW_VERSION"), required(environ, "RELEASE_DIGEST")
    wrong = ""
    for path in required(environ, "ASKED_ROUTES").split(","):
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            wrong = _wrong(client, version, path, release)
            if not wrong:
                break
        if wrong:
            return f"GET {path} {wrong}"
    return wrong


def _wrong(client: Any, version: str, path: str, release: str) -> str:
    """What is wrong with the answer of one route; empty when nothing is."""
    answer = client.invoke(FunctionName=version, Payload=json.dumps(_request(path)).encode())
    raw = answer["Payload"].read()
    if answer.get("FunctionError"):
        return f"raised: {raw[:500]!r}"
    try:
        reply = json.loads(raw)
        status, body = reply["statusCode"], reply.get("body") or ""
    except (ValueError, KeyError, TypeError):
        return f"gave no reply of HTTP: {raw[:500]!r}"
    if status != 200:
        return f"answered {status}: {body[:500]!r}"
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    # The route of the version names the release; the others don't.
    other = found.get("release", release) if isinstance(found, dict) else release
    return "" if other == release else f"answered as release {other}, not {release}"


def _request(path: str) -> dict[str, Any]:
    """A GET as API Gateway's REST APIs send it."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {"Host": "before-traffic.invalid", "X-Forwarded-Proto": "https"},
        "multiValueHeaders": {"Host": ["before-traffic.invalid"], "X-Forwarded-Proto": ["https"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"path": path, "stage": "live", "httpMethod": "GET", "resourcePath": path},
        "body": None,
        "isBase64Encoded": False,
    }
