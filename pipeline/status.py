"""`pipeline status ENV`: what runs there."""

import argparse
from pathlib import Path

from pipeline import aws, samconfig, stack


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")


def main(args: argparse.Namespace) -> int:
    """Print the stack's state, commit, bundle, release and address."""
    environment = samconfig.read(Path.cwd(), args.environment)
    session = aws.session(environment)
    aws.check_account(session, environment)
    found = stack.read(session, environment.stack_name)
    rows = {
        "environment": environment.name,
        "stack": f"{found.name} ({found.status})",
        "commit": found.parameters.get("Commit", "-"),
        "bundle": found.parameters.get("BundleDigest", "-"),
        "release": found.parameters.get("ReleaseDigest", "-"),
        "address": found.outputs.get("ApiUrl", "-"),
    }
    for name, value in rows.items():
        print(f"{name:<12}{value}")
    return 0
