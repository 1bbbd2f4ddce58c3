"""The passport of a release: one signed document with everything an auditor asks, linked to the one before.

It lies in the artifact bucket, from where it is read, and under Object Lock in the evidence bucket, from where
nobody can remove it. It is verified without AWS, with the environment's public key.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from securesystemslib.signer import Key

from pipeline.base.canonical import canonical
from pipeline.base.errors import GateError
from pipeline.delivery import store
from pipeline.delivery.bundle import DIGEST
from pipeline.evidence import envelope
from pipeline.source.samconfig import Environment
from pipeline.source.tags import version as parse_version

SCHEMA = 1
TYPE = "urn:esclusa:passport:1"
LATEST = "releases/latest.json"
_SECTIONS = {
    "schema": int,
    "version": str,
    "environment": str,
    "commit": dict,
    "people": dict,
    "checks": dict,
    "waivers": list,
    "plan": dict,
    "changes": list,
    "digests": dict,
    "live": dict,
    "times": dict,
}


@dataclass(frozen=True)
class Passport:
    """A passport whose signature was verified. `digest` is the SHA-256 of the signed envelope."""

    content: Mapping[str, Any]
    digest: str
    keyid: str

    @property
    def version(self) -> str:
        """The release's tag."""
        return str(self.content["version"])

    @property
    def previous(self) -> str | None:
        """The digest of the passport before; None for the first."""
        found = self.content.get("previous")
        return str(found["sha256"]) if isinstance(found, dict) else None


def prepare(session: boto3.Session, environment: Environment, version: str) -> None:
    """Read what `issue` will need. Raises PipelineError where it couldn't issue the passport of `version`."""
    load(session, environment, version)
    latest(session, environment)
    envelope.signer(session, environment.signing_key)


def issue(
    session: boto3.Session, environment: Environment, content: Mapping[str, Any], files: Mapping[str, str]
) -> bytes:
    """Sign a passport, link it to the one before, and store it in both buckets; returns the envelope.

    A passport of the same version that is there already stays: a release is issued once, and evidence is not
    written over.
    """
    version = str(content["version"])
    known = load(session, environment, version)
    if known is not None:
        return known
    last = latest(session, environment)
    whole = {"schema": SCHEMA, **content, "previous": last}
    by = envelope.signer(session, environment.signing_key)
    raw = envelope.sign(by, files, TYPE, whole)
    # The evidence comes first: what can be lost is the pointer, and the next run sets it again.
    store.write(session, environment.evidence_bucket, f"passports/{version}.json", raw)
    store.write(session, environment.bucket, key(version), raw)
    pointer = {"version": version, "sha256": hashlib.sha256(raw).hexdigest()}
    store.write(session, environment.bucket, LATEST, canonical(pointer))
    return raw


def load(session: boto3.Session, environment: Environment, version: str) -> bytes | None:
    """The passport of a version as it is stored, unverified; None when there is none."""
    parse_version(version)
    return store.read(session, environment.bucket, key(version))


def latest(session: boto3.Session, environment: Environment) -> dict[str, str] | None:
    """Version and digest of the last passport; None before the first. Raises GateError on other content."""
    raw = store.read(session, environment.bucket, LATEST)
    if raw is None:
        return None
    try:
        found = json.loads(raw)
        version, digest = str(found["version"]), str(found["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GateError(f"{LATEST} in {environment.bucket} is malformed: {error!r}") from error
    parse_version(version)
    if not DIGEST.fullmatch(digest):
        raise GateError(f"{LATEST} in {environment.bucket} holds no digest.")
    return {"version": version, "sha256": digest}


def key(version: str) -> str:
    """Where a passport lies in the artifact bucket."""
    return f"releases/passports/{version}.json"


def verify(raw: bytes, by: Key, what: str = "The passport") -> Passport:
    """A passport, if `by` signed it and it is whole. Raises GateError with what is wrong."""
    said = envelope.verify(raw, by, what)
    if said.predicate_type != TYPE:
        raise GateError(f"{what} is signed, but is a {said.predicate_type!r} and not a passport.")
    content = said.predicate
    if content.get("schema") != SCHEMA:
        raise GateError(f"{what} has schema {content.get('schema')!r}; this reads {SCHEMA}.")
    for name, kind in _SECTIONS.items():
        if not isinstance(content.get(name), kind):
            raise GateError(f"{what} has no {name}, or one that is no {kind.__name__}.")
    parse_version(str(content["version"]))
    files = content["digests"].get("files")
    if not isinstance(files, dict) or files != dict(said.subjects):
        raise GateError(f"{what} names other files than those that it is signed for.")
    return Passport(content, hashlib.sha256(raw).hexdigest(), said.keyid)


def verify_chain(folder: Path, by: Key) -> list[Passport]:
    """Every passport in a folder, the first one first; each must be linked to the one before. Raises GateError."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        one = verify(path.read_bytes(), by, path.name)
        found[one.digest] = one
    first = [one for one in found.values() if one.previous is None]
    if len(first) != 1:
        raise GateError(
            f"{folder} holds {len(first)} passports without one before; there is one first release."
        )
    chain = first
    after = {one.previous: one for one in found.values() if one.previous}
    while chain[-1].digest in after:
        chain.append(after[chain[-1].digest])
    if len(chain) != len(found):
        named = ", ".join(sorted(one.version for one in found.values() if one not in chain))
        raise GateError(f"The chain of passports is broken: {named} is linked to none that is here.")
    return chain
