"""`pipeline release verify TAG`: is a tag fit to be released? `publish` makes the release on GitHub."""

import argparse
from pathlib import Path

from pipeline.base import github
from pipeline.delivery import deployment
from pipeline.source import application
from pipeline.source.tags import Release, verify

_TEXT = "Released from {commit}: the bytes that the environment before ran, promoted and not rebuilt."
_RUN = "What changed in AWS, and who approved it, is told by [the run that deployed it]({run})."
_PASSPORT = (
    "The passport is attached: `bin/pipeline passport verify {tag}.json --key PEM` checks it without AWS."
)


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
        print(github.publish(found.tag, _text(found, files), files))
        return 0
    print(f"{found.tag} is an annotated tag of {found.commit}, on {branch}'s history")
    return 0


def _text(found: Release, files: list[Path]) -> str:
    """What the release says of itself, before the pull requests since the last one: of what is there alone."""
    run = deployment.run_url()
    has_passport = any(file.name == f"{found.tag}.json" for file in files)
    parts = [
        _TEXT.format(commit=found.commit),
        _RUN.format(run=run) if run else "",
        _PASSPORT.format(tag=found.tag) if has_passport else "",
    ]
    return "\n\n".join(filter(None, parts))
