"""`pipeline ledger open ENV`: a link into the ledger's pages, for whoever may ask the API for one."""

import argparse
import os
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from pipeline import aws, http, samconfig, stack
from pipeline.errors import GateError
from pipeline.samconfig import Environment

PATH = "/api/sessions"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    child = actions.add_parser("open", help="print a link that opens the pages once, within a minute")
    child.add_argument("environment", help="a table of samconfig.toml")


def main(args: argparse.Namespace) -> int:
    """Print the link. It is a credential for a minute, so it goes to the terminal alone."""
    environment = samconfig.read(Path.cwd(), args.environment)
    session = aws.session(environment)
    aws.check_account(session, environment)
    url, seconds = link(session, environment)
    print(url)
    print(f"It opens once, within {seconds} seconds; the session that it begins lasts an hour.")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EXECUTE_API")
    if endpoint:
        host, where = urlsplit(url).netloc, urlsplit(endpoint).netloc
        print(f'{host} is served at {where}: chromium --host-resolver-rules="MAP {host} {where}"')
    return 0


def link(session: boto3.Session, environment: Environment) -> tuple[str, int]:
    """A link that opens a session of the identity whose credentials `session` holds, and its seconds.

    Raises GateError when nothing is deployed, or the API refuses.
    """
    found = stack.read(session, environment.stack_name)
    api = found.outputs.get("ApiUrl")
    if api is None:
        raise GateError(
            f"{environment.name} has no ledger yet: its stack is {found.status}.", "Deploy it first."
        )
    answer = http.request("POST", f"{api.rstrip('/')}{PATH}", body={}, session=session)
    data = answer.data if isinstance(answer.data, dict) else {}
    if answer.status != 201 or not str(data.get("url", "")).startswith("https://"):
        raise GateError(
            f"The ledger of {environment.name} gave no link: {answer.status} {answer.text[:200]!r}",
            "Your role needs execute-api:Invoke on POST /api/sessions of this API.",
        )
    return str(data["url"]), int(data.get("expires_in", 60))
