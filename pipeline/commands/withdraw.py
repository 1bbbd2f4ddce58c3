"""`pipeline withdraw ENV VERSION`: quarantine a bad release."""

import argparse
from pathlib import Path

from pipeline.base import summary
from pipeline.release.withdrawal import withdraw
from pipeline.source import samconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument("version", help="a release tag, or a commit that was deployed")
    parser.add_argument("--reason", required=True, help="why; whoever tries to deploy it reads this")


def main(args: argparse.Namespace) -> int:
    """Withdraw; exit 0 when no deployment can take it any more."""
    environment = samconfig.read(Path.cwd(), args.environment)
    done = withdraw(environment, args.version, args.reason)
    print(f"{environment.name}: {args.version} (bundle {done.bundle}) is withdrawn")
    if done.serves:
        summary.warning("It serves", done.serves)
    return 0
