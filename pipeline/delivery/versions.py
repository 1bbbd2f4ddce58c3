"""Earlier releases of an environment: which bundle a version, or a commit, was deployed as."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from pipeline.base import git
from pipeline.base.errors import GateError
from pipeline.base.run import run
from pipeline.delivery import store
from pipeline.source import tags as release
from pipeline.source.samconfig import Environment


@dataclass(frozen=True)
class Version:
    """A release that was deployed with success. `tag` is None for one that was named by its commit."""

    tag: str | None
    commit: str
    bundle: str
    release: str
    deployed_at: str


def find(session: boto3.Session, environment: Environment, name: str, repository: Path) -> Version:
    """The release that `name` (vX.Y.Z, or a whole commit) means in an environment. Raises GateError."""
    tag: str | None = None
    if git.COMMIT.fullmatch(name):
        commit = name
    else:
        release.version(name)
        found = run(
            ["git", "rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}"],
            cwd=repository,
            check=False,
        )
        if found.status != 0:
            raise GateError(f"There is no tag {name} here.", "Fetch the tags: git fetch --tags")
        tag, commit = name, found.stdout.strip()
    record = store.commit_record(session, environment.bucket, commit)
    if record is None:
        raise GateError(
            f"{environment.name} never ran {name} (commit {commit}) with success.",
            "Only what ran there before can be put back. The ledger lists it: GET /api/deployments.",
        )
    _fits(session, environment, name, commit, record)
    return Version(tag, commit, record["bundle"], str(record.get("release")), str(record.get("deployed_at")))


def _fits(
    session: boto3.Session, environment: Environment, name: str, commit: str, record: Mapping[str, Any]
) -> None:
    """Nobody signs a record: what it names must be a bundle of that very commit, deployed to this environment.

    Raises GateError. A bundle that is gone is left to whoever fetches it.
    """
    told = f"The record of {name} (commit {commit}) in {environment.bucket}"
    hint = "Somebody wrote over it, or it was copied. Deploy the commit anew, and find out who did."
    if record.get("environment") != environment.name:
        raise GateError(f"{told} is of {record.get('environment')!r}, not of {environment.name}.", hint)
    other = store.commit_of(session, environment.bucket, record["bundle"])
    if other not in (commit, None):
        raise GateError(f"{told} names the bundle {record['bundle']}, which is of commit {other}.", hint)
