"""`pipeline deploy ENV --bundle DIGEST`: put a bundle on an environment."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.delivery.bundle import DIGEST
from pipeline.evidence import attestations
from pipeline.release.deploy import BUILT, put
from pipeline.source import samconfig
from pipeline.source.stages import STAGES


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
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="STAGE=SHA256",
        help="the digest of a stage's report, as the job that made it told (its output `report`); for each stage",
    )


def main(args: argparse.Namespace) -> int:
    """Deploy; exit 0 when the release serves."""
    environment = samconfig.read(Path.cwd(), args.environment)
    if args.check:
        attestations.hold(_folder(args.checks), _digests(args.check))
    put(environment, args.bundle, source=args.source, reports=args.checks)
    return 0


def _folder(given: Path | None) -> Path:
    if given is None:
        raise ConfigurationError("--check is about the reports of --checks DIR, which is missing.")
    return given


def _digests(given: Sequence[str]) -> dict[str, str]:
    found = dict(one.partition("=")[::2] for one in given)
    if set(found) != set(STAGES) or not all(map(DIGEST.fullmatch, found.values())):
        raise ConfigurationError(f"--check takes STAGE=SHA256, once for each of {', '.join(STAGES)}.")
    return found
