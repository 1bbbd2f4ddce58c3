"""`pipeline deploy ENV --bundle DIGEST`: put a bundle on an environment."""

import argparse
from pathlib import Path

from pipeline.release.deploy import BUILT, put
from pipeline.source import samconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument(
        "--bundle", required=True, metavar="DIGEST", help="the bundle's digest, 64 hex digits"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        default=None,
        help=f"the bundle's folder ({BUILT} if it holds that bundle, else the bucket)",
    )
    parser.add_argument(
        "--checks", type=Path, metavar="DIR", help="the reports of lint, policy and test, to be signed"
    )


def main(args: argparse.Namespace) -> int:
    """Deploy; exit 0 when the release serves."""
    environment = samconfig.read(Path.cwd(), args.environment)
    put(Path.cwd(), environment, args.bundle, source=args.source, reports=args.checks)
    return 0
