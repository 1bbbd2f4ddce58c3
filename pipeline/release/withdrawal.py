"""Bad releases, quarantined, so that nothing deploys or promotes them again."""

from dataclasses import asdict, dataclass

import boto3
from securesystemslib.signer import Key

from pipeline.base import summary
from pipeline.base.errors import ConfigurationError, GateError, PipelineError
from pipeline.base.text import one_line
from pipeline.delivery import aws, bundle, deployment, stack, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import notes, passport, records, versions
from pipeline.source.samconfig import Environment

KIND = "withdrawn"
_FIELDS = {
    "version": notes.is_text,
    "reason": notes.is_text,
    "by": notes.is_text,
    "at": notes.is_time,
}
_MOST = 100  # releases that are looked at for one to go back to


@dataclass(frozen=True)
class Withdrawal:
    """Which version was withdrawn, by whom, when and why."""

    version: str
    reason: str
    by: str
    at: str

    @property
    def text(self) -> str:
        """The end of a sentence that begins with what was withdrawn."""
        return one_line(f"by {self.by} at {self.at}: {self.reason}")


@dataclass(frozen=True)
class Done:
    """What a withdrawal came to: the bundle, and what is to be done where it serves; "" where it doesn't."""

    bundle: str
    serves: str


def withdraw(environment: Environment, version: str, reason: str) -> Done:
    """Note that the bundle of `version` is withdrawn, where nobody can take that back, and beside the bundle.

    The ledger, if there is one, is told.
    """
    if not reason.strip():
        raise ConfigurationError("A withdrawal needs a reason.")
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    found = versions.find(session, environment, version)
    said = Withdrawal(version, reason.strip(), deployment.started_by(arn), deployment.now())
    if not notes.is_text(said.reason):
        raise ConfigurationError("A reason has 4000 characters at most.")
    raw = notes.sign(session, environment, KIND, {bundle.MANIFEST: found.bundle}, asdict(said))
    # The evidence comes first: from there nobody can remove it. The other one is for who promotes from here.
    store.write(session, environment.evidence_bucket, _evidence(found.bundle), raw)
    store.write(session, environment.bucket, _beside(found.bundle), raw)
    live = stack.read(session, environment.stack_name)
    where = f"s3://{environment.evidence_bucket}/{_evidence(found.bundle)}"
    records.tell_withdrawal(session, environment, live, found.bundle, raw, where, asdict(said))
    if live.parameters.get("BundleDigest") != found.bundle:
        return Done(found.bundle, "")
    return Done(found.bundle, _way_out(session, environment, version))


def _way_out(session: boto3.Session, environment: Environment, version: str) -> str:
    """What to do about a withdrawn version that serves."""
    still = f"{version} serves in {environment.name} all the same: a withdrawal takes nothing away."
    try:
        earlier = _earlier(session, environment, version)
    except PipelineError as error:
        return f"{still} Whether an earlier release could be put back can't be told: {error.message}"
    if earlier is None:
        return f"{still} No earlier release is left that could be put back: mend the fault in a new one."
    return f"{still} Put an earlier release back: pipeline rollback {environment.name} {earlier}"


def _earlier(session: boto3.Session, environment: Environment, version: str) -> str | None:
    """The last release before a version that wasn't withdrawn; None without one, or where none has a passport."""
    if not environment.promote_from:
        return None
    found = passport.issued(session, environment, version) if version.startswith("v") else None
    for _ in range(_MOST):
        before = found.content.get("previous") if found else None
        if not isinstance(before, dict):
            return None
        found = passport.issued(session, environment, str(before.get("version")))
        if found is not None and not note(session, environment, found.bundle):
            return found.version
    return None


def check(session: boto3.Session, environment: Environment, made: Bundle, key: Key | None = None) -> None:
    """Raises GateError when the bundle was withdrawn from the environment.

    `key` is whose signature is trusted, where that isn't the session's own environment's.
    """
    if text := note(session, environment, made.digest, key):
        raise GateError(
            f"The bundle {made.digest} of commit {made.commit} was withdrawn from {environment.name} {text}",
            "Mend what is wrong, and release a new version.",
        )


def note(session: boto3.Session, environment: Environment, digest: str, key: Key | None = None) -> str:
    """By whom, when and why the bundle was withdrawn from the environment; '' when it wasn't.

    What lies there unsigned is told of, and counts for nothing: who may write to a bucket stops no release.
    """
    own = [(environment.evidence_bucket, _evidence(digest))] if key is None else []
    for bucket, name in (*own, (environment.bucket, _beside(digest))):
        what = f"s3://{bucket}/{name}"
        try:
            raw = notes.load(session, bucket, name)
            if raw is None:
                continue
            by = key or notes.own_key(session, environment)
            subjects, content = notes.read(raw, by, environment, KIND, what)
            said = Withdrawal(**notes.parsed(content, _FIELDS, what))
        except notes.DisbelievedError as error:
            summary.warning(
                "Withdrawal not believed", f"{error.message} Is it meant? Then withdraw it again."
            )
            continue
        if dict(subjects) == {bundle.MANIFEST: digest}:
            return said.text
        summary.warning("Withdrawal not believed", f"{what} is signed, but is about another bundle.")
    return ""


def _evidence(digest: str) -> str:
    return f"withdrawals/{digest}.json"


def _beside(digest: str) -> str:
    return f"bundles/{digest}/withdrawn.json"  # where whoever promotes it may read it
