"""`pipeline withdraw ENV VERSION`: quarantine a bad release, so that nothing deploys or promotes it again."""

import argparse
import json
import os
from pathlib import Path

import boto3

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.text import one_line
from pipeline.delivery import aws, deployment, store, versions
from pipeline.delivery.bundle import Bundle
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment

SCHEMA = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument("version", help="a release tag, or a commit that was deployed")
    parser.add_argument("--reason", required=True, help="why; whoever tries to deploy it reads this")


def main(args: argparse.Namespace) -> int:
    """Withdraw; exit 0 when no deployment can take it any more."""
    if not args.reason.strip():
        raise ConfigurationError("A withdrawal needs a reason.")
    environment = samconfig.read(Path.cwd(), args.environment)
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    found = versions.find(session, environment, args.version, Path.cwd())
    content = {
        "schema": SCHEMA,
        "bundle": found.bundle,
        "version": args.version,
        "reason": args.reason.strip(),
        "by": os.environ.get("GITHUB_ACTOR") or arn,
        "at": deployment.now(),
    }
    store.write(session, environment.bucket, _key(found.bundle), canonical(content))
    print(f"{environment.name}: {args.version} (bundle {found.bundle}) is withdrawn")
    return 0


def check(session: boto3.Session, environment: Environment, made: Bundle) -> None:
    """Raises GateError when the environment's bucket says that the bundle was withdrawn.

    A note that can't be read counts: whoever wrote it meant to stop this bundle.
    """
    raw = store.read(session, environment.bucket, _key(made.digest))
    if raw is None:
        return
    try:
        said = json.loads(raw)
        text = one_line(f"by {said['by']} at {said['at']}: {said['reason']}")
    except (ValueError, KeyError, TypeError, RecursionError):
        text = "by a note that can't be read"
    raise GateError(
        f"The bundle {made.digest} of commit {made.commit} was withdrawn from {environment.name} {text}",
        "Mend what is wrong, and release a new version.",
    )


def _key(digest: str) -> str:
    return f"bundles/{digest}/withdrawn.json"  # beside the bundle, where whoever promotes it may read it
