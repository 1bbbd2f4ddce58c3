"""`pipeline ledger open ENV`: a link into the ledger's pages, for whoever may ask the API for one.

`pipeline ledger verify ENV` is told what to do here, and done in pipeline/ledger/chain.py.
"""

import argparse
import os
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from pipeline.base import http
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.delivery import aws, stack
from pipeline.ledger import chain
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment

PATH = "/api/sessions"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    opens = actions.add_parser("open", help="print a link that opens the pages once, within a minute")
    verifies = actions.add_parser("verify", help="recompute the hash chain over all records")
    for child in (opens, verifies):
        child.add_argument("environment", help="a table of samconfig.toml")
    verifies.add_argument("--proof", metavar="N:HASH", help="what an earlier run printed, and somebody kept")


def main(args: argparse.Namespace) -> int:
    """Open or verify."""
    kept = chain.proof(args.proof) if args.action == "verify" and args.proof else None
    environment = samconfig.read(Path.cwd(), args.environment)
    if not environment.application.ledger:
        raise ConfigurationError(
            f"{environment.application.name} keeps no ledger.", "samconfig.toml says so: ledger = false."
        )
    session = aws.session(environment)
    aws.check_account(session, environment)
    api = address(session, environment)
    if args.action == "open":
        _open(session, environment, api)
        return 0
    head = chain.verify(session, api, kept)
    print(
        f"The ledger of {environment.name} is whole: {head.sequence} records, each linked to the one before."
    )
    print(f"Proof, to be kept elsewhere: {head}")
    return 0


def _open(session: boto3.Session, environment: Environment, api: str) -> None:
    """Print the link. It is a credential for a minute, so it goes to the terminal alone."""
    url, seconds = link(session, environment, api)
    print(url)
    print(f"It opens once, within {seconds} seconds; the session that it begins lasts an hour.")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EXECUTE_API")
    if endpoint:
        host, where = urlsplit(url).netloc, urlsplit(endpoint).netloc
        print(f'{host} is served at {where}: chromium --host-resolver-rules="MAP {host} {where}"')


def address(session: boto3.Session, environment: Environment) -> str:
    """Where the environment's API answers. Raises GateError when nothing is deployed."""
    found = stack.read(session, environment.stack_name)
    api = found.outputs.get(environment.application.url)
    if api is None:
        raise GateError(
            f"{environment.name} has no ledger yet: its stack is {found.status}.", "Deploy it first."
        )
    return api


def link(session: boto3.Session, environment: Environment, api: str) -> tuple[str, int]:
    """A link that opens a session of the identity whose credentials `session` holds, and its seconds.

    Raises GateError when the API refuses.
    """
    answer = http.request("POST", f"{api.rstrip('/')}{PATH}", body={}, session=session)
    data = answer.data if isinstance(answer.data, dict) else {}
    if answer.status != 201 or not str(data.get("url", "")).startswith("https://"):
        raise GateError(
            f"The ledger of {environment.name} gave no link: {answer.status} {answer.text[:200]!r}",
            "Your role needs execute-api:Invoke on POST /api/sessions of this API.",
        )
    return str(data["url"]), int(data.get("expires_in", 60))
