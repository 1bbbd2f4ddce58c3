"""`pipeline promote TAG`: bring the bytes that one environment ran to the next one's bucket."""

import argparse
import tempfile
from pathlib import Path

from pipeline.base import summary
from pipeline.base.errors import ConfigurationError
from pipeline.delivery.bundle import DIGEST
from pipeline.release.promote import promote, route
from pipeline.source import tags


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("tag", help="a release tag, vX.Y.Z")
    parser.add_argument(
        "--expect",
        required=True,
        metavar="DIGEST",
        help="the digest of the bundle that was built again from the tag; any other is refused",
    )
    parser.add_argument(
        "--to", default=None, metavar="ENV", help="the environment (the one with promote_from)"
    )


def main(args: argparse.Namespace) -> int:
    """Promote, print the digest, and set it as the step's output `bundle`."""
    source, target = route(Path.cwd(), args.to)
    found = tags.verify(args.tag, Path.cwd(), source.application.branch)
    if not DIGEST.fullmatch(args.expect):
        raise ConfigurationError(
            f"--expect {args.expect!r} is not a bundle's digest: 64 hexadecimal digits.",
            "`pipeline bundle` on a checkout of the tag prints it.",
        )
    with tempfile.TemporaryDirectory(prefix="promote-") as scratch:
        made = promote(found, source, target, args.expect, Path(scratch))
    summary.output({"bundle": made.digest})
    print(f"{found.tag}: bundle {made.digest} of {source.name} is in {target.bucket}")
    return 0
