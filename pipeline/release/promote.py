"""The bytes that one environment ran, brought to the next one's bucket."""

import datetime as dt
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from pipeline.base import git, http
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.delivery import aws, parameters, smoke, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import attestations, envelope, passport
from pipeline.release import withdrawal
from pipeline.source import samconfig
from pipeline.source import tags as release
from pipeline.source.samconfig import Environment

log = logging.getLogger(__name__)


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


def promote(
    found: release.Release, source: Environment, target: Environment, expected: str, scratch: Path
) -> Bundle:
    """Copy the bundle that `source` ran from the release's commit, and check its bytes on both sides.

    `expected` is the digest of the bundle that was built again from the release's commit, by somebody who has no
    credential of `source`: what stands in its bucket, and its signatures, are all within reach of its deploy role.
    The bytes pass through here: between accounts S3 copies nothing that is checked on the way. Raises GateError
    when `source` never ran that commit with success, ran it as another bundle, or not for long enough, was put back
    from it, or does not answer well; when a statement about the bundle is missing, bad, or not signed by the source's
    key; when the bundle was withdrawn, or any byte differs.
    """
    reader, writer = aws.session(source), aws.session(target)
    aws.check_account(writer, target)
    again = _released(writer, target, found)
    record = store.commit_record(reader, source.bucket, found.commit)
    if record is None:
        raise GateError(
            f"{source.name} never ran {found.commit} with success, so {found.tag} can't be promoted.",
            f"Wait until its deployment to {source.name} has ended, mend it if it failed, and run this again.",
        )
    if record["bundle"] != expected:
        raise GateError(
            f"{source.name} ran {found.commit} as the bundle {record['bundle']}; built again from {found.tag} it is"
            f" {expected}.",
            f"Somebody put other bytes there than the commit gives, or it was built by another engine. Find out who\n"
            f"  wrote to {source.bucket}, then deploy the commit to {source.name} anew.",
        )
    if not again:
        _soaked(record, source, target, dt.datetime.now(dt.UTC))
        _healthy(record, source)
    made = store.get(reader, source.bucket, record["bundle"], scratch / "source")
    if made.commit != found.commit:
        raise GateError(
            f"The bundle {made.digest} in {source.bucket} is of {made.commit}, not {found.commit}."
        )
    for session, environment in ((reader, source), (writer, target)):
        withdrawal.check(session, environment, made)
    signed = store.attestations(reader, source.bucket, made.digest, attestations.TYPES)
    verify(writer, target, made, signed)
    store.put(writer, target.bucket, made)
    for name, content in signed.items():
        store.put_attestation(writer, target.bucket, made.digest, name, content)
    return store.get(writer, target.bucket, made.digest, scratch / "target")


def _released(session: boto3.Session, target: Environment, found: release.Release) -> bool:
    """Whether the version was released before. It stays what it was: its passport says of which commit.

    Raises GateError when the tag names another one now.
    """
    raw = passport.load(session, target, found.tag)
    if raw is None:
        return False
    by = envelope.signer(session, target.signing_key).public_key
    issued = passport.verify(raw, by, f"The passport of {found.tag}")
    commit = issued.content["commit"].get("sha")
    if commit != found.commit:
        raise GateError(
            f"{found.tag} was released from {commit}, and names {found.commit} now: the tag was moved.",
            "A version is released once. Take the next one.",
        )
    log.info(f"{found.tag} was released from this commit already")
    return True


def verify(
    session: boto3.Session, target: Environment, made: Bundle, signed: Mapping[str, bytes]
) -> dict[str, Any]:
    """Check the statements about a bundle that `target` takes over; returns their predicates. Raises GateError.

    The key is the one that the account's administrator named in the bootstrap, and no other.
    """
    name = target.application.promotion_key(target.name)
    value = parameters.value(session, name)
    if value is None:
        raise ConfigurationError(
            f"SSM has no parameter {name}, so nobody's signature is trusted.",
            "Deploy bootstrap/template.yaml with PromotionSourceKey; see bootstrap/README.md.",
        )
    by = attestations.builder()
    predicates = attestations.verify(
        signed,
        made,
        envelope.public_key(value),
        by.repository if by.workflow else None,
        target.application.branch,
    )
    log.info(f"  signed by {target.promote_from}: {', '.join(sorted(predicates))}")
    return predicates


def _soaked(record: Mapping[str, Any], source: Environment, target: Environment, now: dt.datetime) -> None:
    """The bundle must have run for the target's soak time. A record without a time has not."""
    try:
        since = dt.datetime.fromisoformat(str(record.get("deployed_at")))
        ran = now - since
    except (TypeError, ValueError) as error:
        raise GateError(f"{source.name}'s record of {record['commit']} has no time of deployment.") from error
    missing = dt.timedelta(minutes=target.soak_minutes) - ran
    if missing > dt.timedelta(0):
        raise GateError(
            f"{source.name} has run {record['commit']} for {ran.total_seconds() / 60:.0f} minutes only;"
            f" {target.name} asks for {target.soak_minutes}.",
            f"Run this again in {missing.total_seconds() / 60:.0f} minutes.",
        )


def _healthy(record: Mapping[str, Any], source: Environment) -> None:
    """`source` must answer well, and serve the commit or one that contains it. Raises GateError."""
    commit, url = str(record["commit"]), str(record.get("url", ""))
    if not url.startswith("https://"):
        raise GateError(
            f"{source.name}'s record of {commit} does not say where it answers.",
            "Deploy the commit there anew.",
        )
    try:
        smoke.check(source.application, url, {}, say=lambda _: None)
        version = http.request("GET", f"{url.rstrip('/')}{source.application.version}")
        told = version.data if isinstance(version.data, dict) else {}
        live = str(told.get("commit"))
    except GateError as error:
        raise GateError(
            f"{source.name} is not well. {error.message}", f"Mend {source.name}, then run this again."
        ) from error
    known = live == commit or bool(git.COMMIT.fullmatch(live) and git.exists(live))
    if not known or not git.is_ancestor(commit, live):
        raise GateError(
            f"{source.name} runs {live} now, which does not contain {commit}: it was put back from it.",
            f"Mend what was wrong in a new commit. If nothing was, deploy {commit} to {source.name} again.",
        )
    if live == commit and told.get("bundle") != record["bundle"]:
        raise GateError(
            f"{source.name} serves {commit} as the bundle {told.get('bundle')!r}, not as {record['bundle']}.",
            f"What is to be promoted didn't run there. Deploy the commit to {source.name} anew.",
        )
    log.info(f"  {source.name} is well" + ("" if live == commit else f", with {live} by now"))
