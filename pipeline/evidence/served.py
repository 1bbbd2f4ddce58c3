"""That a release serves, or did: which bundle a commit was deployed as, noted once everything about it is recorded."""

import datetime as dt
from dataclasses import asdict, dataclass

import boto3
from securesystemslib.signer import Key

from pipeline.delivery import bundle, store
from pipeline.evidence import notes
from pipeline.source.samconfig import Environment

KIND = "served"
_FIELDS = {
    "commit": notes.is_commit,
    "bundle": notes.is_digest,
    "release": notes.is_digest,
    "version": notes.is_text_or_none,
    "deployed_at": notes.is_time,
    "address": notes.is_text,
}


@dataclass(frozen=True)
class Served:
    """What was seen to serve, since when, and where it answered."""

    commit: str
    bundle: str
    release: str
    version: str | None
    deployed_at: str
    address: str

    @property
    def since(self) -> dt.datetime:
        """When it was noted, with its time zone."""
        return dt.datetime.fromisoformat(self.deployed_at)


def note(session: boto3.Session, environment: Environment, served: Served) -> None:
    """Note what serves now, over what was noted of its commit before."""
    raw = notes.sign(session, environment, KIND, {bundle.MANIFEST: served.bundle}, asdict(served))
    store.write(session, environment.bucket, _key(served.commit), raw)


def find(
    session: boto3.Session, environment: Environment, commit: str, key: Key | None = None
) -> Served | None:
    """What was noted of a commit in an environment; None when it never was deployed there with success.

    `key` is whose signature is trusted, where that isn't the session's own environment's. Raises DisbelievedError.
    """
    raw = notes.load(session, environment.bucket, _key(commit))
    if raw is None:
        return None
    what = f"{_key(commit)} in {environment.bucket}"
    subjects, content = notes.read(raw, key or notes.own_key(session, environment), environment, KIND, what)
    found = Served(**notes.parsed(content, _FIELDS, what))
    if found.commit != commit or dict(subjects) != {bundle.MANIFEST: found.bundle}:
        raise notes.DisbelievedError(
            f"{what} is signed, but is about commit {found.commit} and bundle {found.bundle}.",
            "Somebody copied it. It counts for nothing here.",
        )
    return found


def _key(commit: str) -> str:
    return f"commits/{commit}.json"
