"""The passport of a release: one signed document with everything an auditor asks, linked to the one before.

It lies under Object Lock in the evidence bucket, from where nobody can remove it. It is verified without AWS, with
the environment's public key.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from securesystemslib.signer import Key

from pipeline.base import summary
from pipeline.base.errors import GateError
from pipeline.delivery import store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import envelope, notes
from pipeline.source.samconfig import Environment
from pipeline.source.tags import version as parse_version

SCHEMA = 1
TYPE = "urn:esclusa:passport:1"
FOLDER = "passports"
LATEST = f"{FOLDER}/latest.json"
KIND = "latest"
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
    """A passport whose signature was verified, with the envelope as it was read."""

    content: Mapping[str, Any]
    keyid: str
    raw: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of the signed envelope."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def commit(self) -> str:
        """The commit that was released."""
        return str(self.content["commit"].get("sha"))

    @property
    def bundle(self) -> str:
        """The digest of the bundle that was released."""
        return str(self.content["digests"].get("bundle"))

    @property
    def version(self) -> str:
        """The release's tag."""
        return str(self.content["version"])

    @property
    def previous(self) -> str | None:
        """The digest of the passport before; None for the first."""
        found = self.content.get("previous")
        return str(found["sha256"]) if isinstance(found, dict) else None


def prepare(session: boto3.Session, environment: Environment, version: str, made: Bundle) -> None:
    """Read what `issue` will need. Raises PipelineError where it couldn't issue `version`'s passport for `made`."""
    _same(issued(session, environment, version), made.commit, made.digest)
    latest(session, environment)


def issue(
    session: boto3.Session, environment: Environment, content: Mapping[str, Any], files: Mapping[str, str]
) -> bytes:
    """Sign a passport, link it to the one before, and store it; returns the envelope.

    A passport of the same version, commit and bundle that is there already stays: a release is issued once, and
    evidence is not written over. Raises GateError where the one that is there is of another commit or bundle.
    """
    version = str(content["version"])
    known = issued(session, environment, version)
    _same(known, str(content["commit"].get("sha")), str(content["digests"].get("bundle")))
    last = latest(session, environment)
    if known is None:
        by = envelope.signer(session, environment.signing_key)
        raw = envelope.sign(by, files, TYPE, {"schema": SCHEMA, **content, "previous": last})
        store.write(session, environment.evidence_bucket, key(version), raw)
        last = {"version": version, "sha256": hashlib.sha256(raw).hexdigest()}
    # The note comes last: what is found without it is found by the links.
    if last is not None:
        _note(session, environment, last)
    return raw if known is None else known.raw


def _note(session: boto3.Session, environment: Environment, last: Mapping[str, str]) -> None:
    """Note which passport is the last one."""
    file = {f"{last['version']}.json": last["sha256"]}
    raw = notes.sign(session, environment, KIND, file, {"version": last["version"]})
    store.write(session, environment.evidence_bucket, LATEST, raw)


def _same(known: Passport | None, commit: str, digest: str) -> None:
    if known is not None and (known.commit, known.bundle) != (commit, digest):
        raise GateError(
            f"{known.version} was released already, from commit {known.commit} as bundle {known.bundle};"
            f" this is commit {commit}, bundle {digest}.",
            "A version is released once. Take the next one.",
        )


def load(session: boto3.Session, environment: Environment, version: str) -> bytes | None:
    """The passport of a version as it is stored, unverified; None when there is none."""
    parse_version(version)
    return store.read(session, environment.evidence_bucket, key(version))


def issued(session: boto3.Session, environment: Environment, version: str) -> Passport | None:
    """The passport of a version, verified, of this environment; None when it was never released. Raises GateError."""
    raw = load(session, environment, version)
    if raw is None:
        return None
    what = f"The passport of {version} in {environment.evidence_bucket}"
    found = verify(raw, notes.own_key(session, environment), what)
    if (found.version, found.content["environment"]) != (version, environment.name):
        raise GateError(
            f"{what} is of {found.version} on {found.content['environment']}.",
            "Somebody wrote another one over it. An auditor finds the version of the object before it.",
        )
    return found


def latest(session: boto3.Session, environment: Environment) -> dict[str, str] | None:
    """Version and digest of the last passport; None before the first. Raises GateError where nobody can tell.

    A note says which was the last, so that only those of higher versions are read as well: one of them follows it
    when a run ended before it could write the note. Without a good note all are read.
    """
    noted = _noted(session, environment)
    among = [noted] if noted else []
    for name in store.filled(session, environment.evidence_bucket, f"{FOLDER}/"):
        if name != LATEST and (noted is None or _is_higher(name, noted.version)):
            among += _read(session, environment, name)
    if noted is None:
        end = _end(among)
    else:
        after = {one.previous: one for one in among if one.previous}
        end = noted
        while end.digest in after:
            end = after[end.digest]
    return {"version": end.version, "sha256": end.digest} if end else None


def _noted(session: boto3.Session, environment: Environment) -> Passport | None:
    """The passport that the note on the last one names; None where there is no note that is believed."""
    what = f"{LATEST} in {environment.evidence_bucket}"
    try:
        raw = notes.load(session, environment.evidence_bucket, LATEST)
        if raw is None:
            return None
        by = notes.own_key(session, environment)
        subjects, content = notes.read(raw, by, environment, KIND, what)
        version = notes.parsed(content, {"version": notes.is_text}, what)["version"]
    except notes.DisbelievedError as error:
        summary.warning("Last release not believed", f"{error.message} All passports are read instead.")
        return None
    found = issued(session, environment, version)
    if found is None or dict(subjects) != {f"{version}.json": found.digest}:
        raise GateError(
            f"The passport of {version} in {environment.evidence_bucket} is not the one that {LATEST} names.",
            "Somebody wrote over one of them. What it was is kept: an administrator copies the object's version\n"
            "  before it over it (aws s3api list-object-versions, then copy-object).",
        )
    return found


def _is_higher(name: str, version: str) -> bool:
    try:
        return parse_version(Path(name).stem) > parse_version(version)
    except GateError:
        return False


def _read(session: boto3.Session, environment: Environment, name: str) -> list[Passport]:
    """The passport at a key, if it is signed, of this environment and of that name; else it is told of."""
    by, what = notes.own_key(session, environment), f"{name} in {environment.evidence_bucket}"
    try:
        raw = notes.load(session, environment.evidence_bucket, name)
    except notes.DisbelievedError as error:
        summary.warning("No passport", error.message)
        return []
    try:
        found = verify(raw or b"", by, what)
    except GateError as error:
        summary.warning("No passport", error.message)
        return []
    return [found] if (key(found.version), environment.name) == (name, found.content["environment"]) else []


def _end(found: list[Passport]) -> Passport | None:
    """The passport that no other one follows; None among none. Raises GateError where there are several."""
    followed = {one.previous for one in found}
    ends = [one for one in found if one.digest not in followed]
    if len(ends) > 1:
        named = ", ".join(sorted(one.version for one in ends))
        raise GateError(
            f"The chain of passports has several ends: {named}.", "Somebody took one away, or added one."
        )
    return ends[0] if ends else None


def key(version: str) -> str:
    """Where a passport lies in the evidence bucket."""
    return f"{FOLDER}/{version}.json"


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
    return Passport(content, said.keyid, raw)


def verify_chain(folder: Path, by: Key) -> list[Passport]:
    """Every passport in a folder, the first one first; each must be linked to the one before. Raises GateError.

    Where the folder holds `latest.json` as well, the chain must end with the passport that it names.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        if path.name != Path(LATEST).name:
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
    pointer = folder / Path(LATEST).name
    if pointer.exists() and (last := envelope.verify(pointer.read_bytes(), by, pointer.name)).subjects != {
        f"{chain[-1].version}.json": chain[-1].digest
    }:
        raise GateError(
            f"The chain of passports is cut at its end: the last one here is {chain[-1].version},"
            f" and {pointer.name} names {', '.join(last.subjects)}."
        )
    return chain


def tells_its_end(folder: Path) -> bool:
    """Whether a folder of passports holds what says which is the last: else one cut at its end can't be told."""
    return (folder / Path(LATEST).name).exists()
