"""`pipeline freeze ENV --until DAY --reason WHY --owner WHO`: stop deployments for a while."""

import argparse
from pathlib import Path

from pipeline.release.freeze import FILE, add
from pipeline.source import samconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument(
        "--until", required=True, metavar="TIME", help="2026-12-31 or 2026-12-31T18:00Z; UTC unless it says"
    )
    parser.add_argument("--from", dest="begins", metavar="TIME", help="when it begins (now)")
    parser.add_argument("--reason", required=True, help="why; whoever wants to deploy reads this")
    parser.add_argument("--owner", required=True, help="who decides it: a person or a team")


def main(args: argparse.Namespace) -> int:
    """Add the freeze to the file; it counts once that is merged."""
    environment = samconfig.read(Path.cwd(), args.environment)
    frozen = add(environment, args.begins, args.until, args.reason, args.owner)
    print(
        f"{FILE}: {environment.name} is frozen until {frozen.until:%Y-%m-%d %H:%M} UTC,"
        f" once this is merged to {environment.application.branch}"
    )
    return 0
