"""`pipeline rollback ENV VERSION`: put an earlier release back."""

import argparse
from pathlib import Path

from pipeline.base.errors import GateError
from pipeline.release import rollback
from pipeline.source import samconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument(
        "version", nargs="?", help="a release tag, or a commit that was deployed; none: the one before"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="prove that it could be put back; change nothing"
    )


def main(args: argparse.Namespace) -> int:
    """Roll back; exit 0 when the earlier release serves, or, with --dry-run, could."""
    environment = samconfig.read(Path.cwd(), args.environment)
    if args.version is not None:
        rollback.put_back(environment, args.version, only_prove=args.dry_run)
    elif args.dry_run:
        rollback.prove_before(environment)
    else:
        raise GateError("A rollback names the version.", "pipeline rollback ENV VERSION")
    return 0
