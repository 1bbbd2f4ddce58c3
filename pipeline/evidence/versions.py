"""Earlier releases of an environment: which bundle a version, or a commit, was deployed as."""

from dataclasses import dataclass

import boto3

from pipeline.base import git
from pipeline.base.errors import GateError
from pipeline.base.run import run
from pipeline.delivery import store
from pipeline.evidence import passport, served
from pipeline.source import tags as release
from pipeline.source.samconfig import Environment


@dataclass(frozen=True)
class Version:
    """A release that was deployed with success. `tag` is None for one that was named by its commit."""

    tag: str | None
    commit: str
    bundle: str


def find(session: boto3.Session, environment: Environment, name: str) -> Version:
    """The release that `name` (vX.Y.Z, or a whole commit) means in an environment. Raises GateError.

    What a version is, its passport says, which nobody can remove; what a commit was deployed as, a signed note.
    """
    if git.COMMIT.fullmatch(name):
        return _whole(session, environment, name, _noted(session, environment, name, name, None))
    release.version(name)
    found = run(
        ["git", "rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}"],
        cwd=environment.repository,
        check=False,
    )
    if found.status != 0:
        raise GateError(f"There is no tag {name} here.", "Fetch the tags: git fetch --tags")
    commit = found.stdout.strip()
    if not environment.promote_from:
        return _whole(session, environment, name, _noted(session, environment, name, commit, name))
    issued = passport.issued(session, environment, name)
    if issued is None:
        raise _never(environment, name, commit)
    if issued.commit != commit:
        raise GateError(
            f"{name} was released from {issued.commit}, and names {commit} now: the tag was moved.",
            "Put the tag back to where it was, or name another version.",
        )
    return _whole(session, environment, name, Version(name, commit, issued.bundle))


def _noted(
    session: boto3.Session, environment: Environment, name: str, commit: str, tag: str | None
) -> Version:
    found = served.find(session, environment, commit)
    if found is None:
        raise _never(environment, name, commit)
    return Version(tag, commit, found.bundle)


def _never(environment: Environment, name: str, commit: str) -> GateError:
    return GateError(
        f"{environment.name} never ran {name} (commit {commit}) with success.",
        "Only what ran there before can be put back. The ledger lists it: GET /api/deployments.",
    )


def _whole(session: boto3.Session, environment: Environment, name: str, found: Version) -> Version:
    """The release, if its bundle is of its commit. One that is gone is left to whoever fetches it."""
    other = store.commit_of(session, environment.bucket, found.bundle)
    if other not in (found.commit, None):
        raise GateError(
            f"{name} is commit {found.commit}; what is signed of it names the bundle {found.bundle},"
            f" which is of commit {other}.",
            "The pipeline signs no such thing: find out who used its key.",
        )
    return found
