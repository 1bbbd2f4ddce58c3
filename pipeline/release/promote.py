"""The bytes that one environment ran, brought to the next one's bucket."""

import datetime as dt
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from securesystemslib.signer import Key

from pipeline.base import git, http
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.text import one_line
from pipeline.delivery import aws, smoke, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import attestations, notes, passport, served
from pipeline.evidence.served import Served
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
    key = attestations.trusted_key(writer, target)
    released = _released(writer, target, found)
    record = None if released else _record(reader, key, found, source)
    digest = released or (record.bundle if record else "")
    if digest != expected:
        raise GateError(
            f"{source.name} ran {found.commit} as the bundle {digest}; built again from {found.tag} it is"
            f" {expected}.",
            f"Somebody put other bytes there than the commit gives, or it was built by another engine. Find out who\n"
            f"  wrote to {source.bucket}, then deploy the commit to {source.name} anew.",
        )
    if record:
        _soaked(record, source, target, dt.datetime.now(dt.UTC))
        _healthy(record, source)
    made = store.get(reader, source.bucket, digest, scratch / "source")
    if made.commit != found.commit:
        raise GateError(
            f"The bundle {made.digest} in {source.bucket} is of {made.commit}, not {found.commit}."
        )
    withdrawal.check(reader, source, made, key)
    withdrawal.check(writer, target, made)
    signed = store.attestations(reader, source.bucket, made.digest, attestations.TYPES)
    verify(writer, target, made, signed)
    store.put(writer, target.bucket, made)
    for name, content in signed.items():
        store.put_attestation(writer, target.bucket, made.digest, name, content)
    return store.get(writer, target.bucket, made.digest, scratch / "target")


def _released(session: boto3.Session, target: Environment, found: release.Release) -> str | None:
    """The bundle that the version was released as before; None when it wasn't. It stays what it was.

    Raises GateError when the tag names another commit now.
    """
    issued = passport.issued(session, target, found.tag)
    if issued is None:
        return None
    if issued.commit != found.commit:
        raise GateError(
            f"{found.tag} was released from {issued.commit}, and names {found.commit} now: the tag was moved.",
            "A version is released once. Take the next one.",
        )
    log.info(f"{found.tag} was released from this commit already")
    return issued.bundle


def _record(reader: boto3.Session, key: Key, found: release.Release, source: Environment) -> Served:
    """What `source` noted of the release's commit, which it ran with success. Raises GateError."""
    try:
        record = served.find(reader, source, found.commit, key)
    except notes.DisbelievedError as error:
        raise GateError(
            f"That {source.name} ran {found.commit} isn't believed: {error.message}",
            f"Run the deployment of the commit to {source.name} again, if it still serves there: it is noted anew.\n"
            "  Else release a newer commit.",
        ) from error
    if record is None:
        raise GateError(
            f"{source.name} never ran {found.commit} with success, so {found.tag} can't be promoted.",
            f"Wait until its deployment to {source.name} has ended, mend it if it failed, and run this again.",
        )
    return record


def verify(
    session: boto3.Session, target: Environment, made: Bundle, signed: Mapping[str, bytes]
) -> dict[str, Any]:
    """Check the statements about a bundle that `target` takes over; returns their predicates. Raises GateError."""
    by = attestations.builder()
    predicates = attestations.verify(
        signed,
        made,
        attestations.trusted_key(session, target),
        by.repository if by.workflow else None,
        target.application.branch,
    )
    log.info(f"  signed by {target.promote_from}: {', '.join(sorted(predicates))}")
    return predicates


def obstacle(session: boto3.Session, source: Environment, target: Environment, digest: str) -> str:
    """Why the bundle that `source` runs can't be promoted, however long it runs; "" where nothing is known against it.

    Asked with `source`'s own credentials, of what it signed itself.
    """
    try:
        made = store.manifest(session, source.bucket, digest)
        if said := withdrawal.note(session, source, digest):
            return f"it was withdrawn {said}"
        signed = store.attestations(session, source.bucket, digest, attestations.TYPES)
        by = attestations.builder()
        attestations.verify(
            signed,
            made,
            notes.own_key(session, source),
            by.repository if by.workflow else None,
            target.application.branch,
        )
    except GateError as error:
        return error.message
    return ""


def _soaked(record: Served, source: Environment, target: Environment, now: dt.datetime) -> None:
    """The bundle must have run for the target's soak time."""
    ran = now - record.since
    missing = dt.timedelta(minutes=target.soak_minutes) - ran
    if missing > dt.timedelta(0):
        raise GateError(
            f"{source.name} has run {record.commit} for {ran.total_seconds() / 60:.0f} minutes only;"
            f" {target.name} asks for {target.soak_minutes}.",
            f"Run this again in {missing.total_seconds() / 60:.0f} minutes.",
        )


def _healthy(record: Served, source: Environment) -> None:
    """`source` must answer well, and serve the commit or one that contains it. Raises GateError."""
    commit, url = record.commit, _address(record, source)
    try:
        smoke.check(source.application, url, {}, say=lambda _: None)
        version = http.request("GET", f"{url.rstrip('/')}{source.application.version}")
        told = version.data if isinstance(version.data, dict) else {}
        live = str(told.get("commit"))
    except GateError as error:
        raise GateError(
            f"{source.name} is not well. {error.message}", f"Mend {source.name}, then run this again."
        ) from error
    known = live == commit or bool(git.COMMIT.fullmatch(live) and git.exists(live, source.repository))
    if not known or not git.is_ancestor(commit, live, source.repository):
        raise GateError(
            f"{source.name} runs {live} now, which does not contain {commit}: it was put back from it.",
            f"Mend what was wrong in a new commit. If nothing was, deploy {commit} to {source.name} again.",
        )
    if live == commit and told.get("bundle") != record.bundle:
        raise GateError(
            f"{source.name} serves {commit} as the bundle {told.get('bundle')!r}, not as {record.bundle}.",
            f"What is to be promoted didn't run there. Deploy the commit to {source.name} anew.",
        )
    log.info(f"  {source.name} is well" + ("" if live == commit else f", with {live} by now"))


def _address(record: Served, source: Environment) -> str:
    """Where `source` is asked: where samconfig.toml says; else at the API of its own region that its key signed for.

    So a note sends nobody to another host than one of API Gateway's, over TLS.
    """
    if source.address:
        return source.address
    place = urlsplit(record.address)
    if place.scheme != "https" or not re.fullmatch(
        rf"[a-z0-9]+\.execute-api\.{re.escape(source.region)}\.amazonaws\.com(\.cn)?", place.netloc
    ):
        raise GateError(
            f"{source.name} says that it answers at {one_line(record.address) or 'no address'}, which is no API of"
            f" {source.region}.",
            f'Say where it answers, in samconfig.toml: [{source.name}.pipeline.parameters] address = "https://..."',
        )
    return record.address
