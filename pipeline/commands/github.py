"""`pipeline github setup|check`: GitHub's settings, as the files of .github say."""

import argparse
import os
import sys
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.text import one_line
from pipeline.delivery import hosting
from pipeline.source import application


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("check", help="show what differs; exit 1 if something does")
    child = actions.add_parser("setup", help="show what differs, and set it once you say so")
    child.add_argument("--yes", action="store_true", help="ask nothing")


def main(args: argparse.Namespace) -> int:
    """Show the differences, and with `setup` end them; the token is a person's, with the right to administer."""
    root = Path.cwd()
    if not os.environ.get("GITHUB_TOKEN"):
        raise ConfigurationError(
            "GITHUB_TOKEN is not set.",
            'A person\'s, with the right to administer: GITHUB_TOKEN="$(gh auth token)" bin/pipeline github check',
        )
    found = list(hosting.compared(root))
    for one in found:
        print(f"{one.text}\n")
    repository = application.read(root).repository
    print(f"{repository}: {len(found) or 'no'} setting{'' if len(found) == 1 else 's'} to change")
    if args.action == "check" or not found:
        return 1 if found else 0
    if not args.yes and not _agreed():
        print("Nothing was changed.")
        return 1
    for one in found:
        hosting.apply(one)
        print(f"set: {one_line(one.what)}")
    return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigurationError("Nobody is there to agree.", "Give --yes once you have read what changes.")
    return input("Set them? [y/N] ").strip().lower() in ("y", "yes")
