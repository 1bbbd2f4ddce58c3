"""Earlier releases of an environment: which bundle a version, or a commit, was deployed as."""

from dataclasses import dataclass
from pathlib import Path

import boto3

from pipeline import git, release, store
from pipeline.errors import GateError
from pipeline.run import run
from pipeline.samconfig import Environment


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
    return Version(tag, commit, record["bundle"], str(record.get("release")), str(record.get("deployed_at")))
