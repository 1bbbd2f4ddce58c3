"""`pipeline promote TAG`: bring the bytes that one environment ran to the next one's bucket."""

import argparse
import tempfile
from pathlib import Path

from pipeline.base import summary
from pipeline.release.promote import promote, route
from pipeline.source import tags


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("tag", help="a release tag, vX.Y.Z")
    parser.add_argument(
        "--to", default=None, metavar="ENV", help="the environment (the one with promote_from)"
    )


def main(args: argparse.Namespace) -> int:
    """Promote, print the digest, and set it as the step's output `bundle`."""
    source, target = route(Path.cwd(), args.to)
    found = tags.verify(args.tag, Path.cwd(), source.application.branch)
    with tempfile.TemporaryDirectory(prefix="promote-") as scratch:
        made = promote(found, source, target, Path(scratch))
    summary.output({"bundle": made.digest})
    print(f"{found.tag}: bundle {made.digest} of {source.name} is in {target.bucket}")
    return 0
