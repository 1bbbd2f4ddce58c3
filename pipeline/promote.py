"""`pipeline promote TAG`: bring the bytes that one environment ran to the next one's bucket."""

import argparse
import tempfile
from pathlib import Path

from pipeline import aws, release, samconfig, store, summary
from pipeline.bundle import Bundle
from pipeline.errors import ConfigurationError, GateError
from pipeline.samconfig import Environment


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("tag", help="a release tag, vX.Y.Z")
    parser.add_argument(
        "--to", default=None, metavar="ENV", help="the environment (the one with promote_from)"
    )


def main(args: argparse.Namespace) -> int:
    """Promote, print the digest, and set it as the step's output `bundle`."""
    source, target = route(Path.cwd(), args.to)
    found = release.verify(args.tag, Path.cwd())
    with tempfile.TemporaryDirectory(prefix="promote-") as scratch:
        made = promote(found, source, target, Path(scratch))
    summary.output({"bundle": made.digest})
    print(f"{found.tag}: bundle {made.digest} of {source.name} is in {target.bucket}")
    return 0


def route(repository: Path, to: str | None) -> tuple[Environment, Environment]:
    """Where bundles come from and where they go, by samconfig's `promote_from`. Raises ConfigurationError."""
    every = samconfig.read_all(repository)
    targets = [one for one in every.values() if one.promote_from and to in (None, one.name)]
    if len(targets) != 1:
        named = ", ".join(one.name for one in targets) or "none"
        raise ConfigurationError(
            f"The environment to promote to is not clear: {named}.", "Say which: --to ENV"
        )
    target = targets[0]
    if target.promote_from not in every:
        raise ConfigurationError(
            f"samconfig.toml: {target.name} promotes from {target.promote_from!r}, unknown there."
        )
    return every[target.promote_from], target


def promote(found: release.Release, source: Environment, target: Environment, scratch: Path) -> Bundle:
    """Copy the bundle that `source` ran from the release's commit, and check its bytes on both sides.

    The bytes pass through here: between accounts S3 copies nothing that is checked on the way. Raises GateError
    when `source` never ran that commit with success, or any byte differs.
    """
    reader, writer = aws.session(source), aws.session(target)
    aws.check_account(writer, target)
    record = store.commit_record(reader, source.bucket, found.commit)
    if record is None:
        raise GateError(
            f"{source.name} never ran {found.commit} with success, so {found.tag} can't be promoted.",
            f"Wait until its deployment to {source.name} has ended, mend it if it failed, and run this again.",
        )
    made = store.get(reader, source.bucket, record["bundle"], scratch / "source")
    if made.commit != found.commit:
        raise GateError(
            f"The bundle {made.digest} in {source.bucket} is of {made.commit}, not {found.commit}."
        )
    store.put(writer, target.bucket, made)
    return store.get(writer, target.bucket, made.digest, scratch / "target")
