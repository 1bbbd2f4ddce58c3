"""What is about to be executed, noted just before: so that no run which ends then leaves a release that nobody knows.

The note holds what evidence of the release is made of. As long as the release serves and isn't recorded, its state is
"serves, evidence missing": the next run, of this or another release, makes the evidence from the note.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import boto3

from pipeline.base.errors import GateError
from pipeline.delivery import bundle, store
from pipeline.delivery.bundle import DIGEST
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import envelope, notes, served
from pipeline.source.samconfig import Environment

KIND = "pending"
STATE = "serves, evidence missing"
_DONE = b""  # the deploy role can write objects, and delete none
_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "commit": notes.is_commit,
    "bundle": notes.is_digest,
    "release": notes.is_digest,
    "version": notes.is_text_or_none,
    "kind": lambda value: value in ("deploy", "rollback"),
    "actor": notes.is_text,
    "started_at": notes.is_time,
    "decisions": lambda value: isinstance(value, list) and all(notes.is_text(one) for one in value),
    "passport": lambda value: value is None or isinstance(value, dict),
}


@dataclass(frozen=True)
class Pending:
    """A release that was about to be executed; `passport` is what its passport says but for what is live."""

    commit: str
    bundle: str
    release: str
    version: str | None
    kind: str
    actor: str
    started_at: str
    decisions: list[str]
    passport: dict[str, Any] | None


def note(under_way: Deployment, passport: Mapping[str, Any] | None) -> None:
    """Note what is executed next. Raises PipelineError: then it must not be."""
    whole = Pending(
        under_way.bundle.commit,
        under_way.bundle.digest,
        under_way.release.digest,
        under_way.version,
        under_way.kind,
        under_way.actor,
        under_way.started_at,
        list(under_way.decisions),
        None if passport is None else dict(passport),
    )
    environment, made = under_way.environment, {bundle.MANIFEST: under_way.bundle.digest}
    raw = notes.sign(under_way.session, environment, KIND, made, asdict(whole))
    if len(raw) > envelope.LARGEST:
        raise GateError(
            f"What is known of release {whole.release} takes {len(raw)} bytes: nobody could read it."
        )
    store.write(under_way.session, environment.bucket, _key(whole.release), raw)


def done(under_way: Deployment) -> None:
    """Its evidence is whole, or it doesn't serve."""
    store.write(under_way.session, under_way.environment.bucket, _key(under_way.release.digest), _DONE)


def find(session: boto3.Session, environment: Environment, live: Mapping[str, str]) -> Pending | None:
    """The release that the parameters of a live stack name, if it serves and evidence of it is missing.

    Raises DisbelievedError where a note of it lies there that isn't the pipeline's.
    """
    release = live.get("ReleaseDigest", "")
    raw = notes.load(session, environment.bucket, _key(release)) if DIGEST.fullmatch(release) else None
    if not raw:
        return None
    what = f"{_key(release)} in {environment.bucket}"
    subjects, content = notes.read(raw, notes.own_key(session, environment), environment, KIND, what)
    found = Pending(**notes.parsed(content, _FIELDS, what))
    named = (found.commit, found.bundle, found.release)
    if dict(subjects) != {bundle.MANIFEST: found.bundle} or named != (
        live.get("Commit"),
        live.get("BundleDigest"),
        release,
    ):
        raise notes.DisbelievedError(
            f"{what} is signed, but is about another release than the one that serves.",
            "Somebody copied it. It counts for nothing here.",
        )
    known = served.find(session, environment, found.commit)
    return None if known is not None and known.release == release else found


def _key(release: str) -> str:
    return f"releases/pending/{release}.json"  # no other account reads this, unlike what is promoted
