"""Bad releases, quarantined, so that nothing deploys or promotes them again."""

import json
import os
from pathlib import Path

import boto3

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.text import one_line
from pipeline.delivery import aws, deployment, store, versions
from pipeline.delivery.bundle import Bundle
from pipeline.source.samconfig import Environment

SCHEMA = 1


def withdraw(repository: Path, environment: Environment, version: str, reason: str) -> str:
    """Note in the environment's bucket that the bundle of `version` is withdrawn; returns its digest."""
    if not reason.strip():
        raise ConfigurationError("A withdrawal needs a reason.")
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    found = versions.find(session, environment, version, repository)
    content = {
        "schema": SCHEMA,
        "bundle": found.bundle,
        "version": version,
        "reason": reason.strip(),
        "by": os.environ.get("GITHUB_ACTOR") or arn,
        "at": deployment.now(),
    }
    store.write(session, environment.bucket, _key(found.bundle), canonical(content))
    return found.bundle


def check(session: boto3.Session, environment: Environment, made: Bundle) -> None:
    """Raises GateError when the environment's bucket says that the bundle was withdrawn.

    A note that can't be read counts: whoever wrote it meant to stop this bundle.
    """
    if text := note(session, environment, made.digest):
        raise GateError(
            f"The bundle {made.digest} of commit {made.commit} was withdrawn from {environment.name} {text}",
            "Mend what is wrong, and release a new version.",
        )


def note(session: boto3.Session, environment: Environment, digest: str) -> str:
    """By whom, when and why the bundle was withdrawn from the environment; '' when it wasn't."""
    raw = store.read(session, environment.bucket, _key(digest))
    if raw is None:
        return ""
    try:
        said = json.loads(raw)
        return one_line(f"by {said['by']} at {said['at']}: {said['reason']}")
    except (ValueError, KeyError, TypeError, RecursionError):
        return "by a note that can't be read"


def _key(digest: str) -> str:
    return f"bundles/{digest}/withdrawn.json"  # beside the bundle, where whoever promotes it may read it
