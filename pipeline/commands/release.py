"""`pipeline release verify TAG`: is a tag fit to be released? `publish` makes the release on GitHub."""

import argparse
from pathlib import Path

from pipeline.base import github
from pipeline.source import application
from pipeline.source.tags import verify

_TEXT = """Released from {commit}: the bytes that dev ran, promoted and not rebuilt.

The passport is attached: `bin/pipeline passport verify {tag}.json --key PEM` checks it without AWS.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    child = actions.add_parser("verify", help="is this tag fit to be released?")
    child.add_argument("tag")
    child = actions.add_parser("publish", help="make the release on GitHub, and attach its passport")
    child.add_argument("tag")
    child.add_argument("--files", type=Path, metavar="DIR", required=True, help="what is attached")


def main(args: argparse.Namespace) -> int:
    """Verify, and print the commit; with `publish` also make the release."""
    branch = application.read(Path.cwd()).branch
    found = verify(args.tag, Path.cwd(), branch)
    if args.action == "publish":
        files = sorted(args.files.iterdir()) if args.files.is_dir() else []
        print(github.publish(found.tag, _TEXT.format(tag=found.tag, commit=found.commit), files))
        return 0
    print(f"{found.tag} is an annotated tag of {found.commit}, on {branch}'s history")
    return 0
