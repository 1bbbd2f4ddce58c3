"""What the ledger did not take: kept, signed, in the artifact bucket, and delivered by the next deployment, once."""

from collections.abc import Callable, Mapping
from typing import Any

import boto3
from securesystemslib.signer import Key

from pipeline.base import summary
from pipeline.base.errors import GateError, PipelineError, said
from pipeline.delivery import bundle, store
from pipeline.evidence import notes
from pipeline.ledger import client as ledger
from pipeline.source.samconfig import Environment

KIND = "unrecorded"
_FOLDER = "releases/unrecorded"  # no other account reads this, unlike what is promoted
_DELIVERED = b""  # the deploy role can write objects, and delete none
_NOTE: Mapping[str, Callable[[Any], bool]] = {
    "path": lambda value: value in ledger.PATHS,
    "record": lambda value: isinstance(value, dict),
}
_DEPLOYMENT: Mapping[str, Callable[[Any], bool]] = {
    "id": notes.is_text,
    "environment": notes.is_text,
    "commit": notes.is_commit,
    "bundle": notes.is_digest,
    "release": notes.is_digest,
    "version": notes.is_text_or_none,
    "kind": lambda value: value in ("deploy", "rollback"),
    "status": lambda value: value in ("succeeded", "failed"),
    "started_at": notes.is_time,
    "finished_at": notes.is_time,
    "run": notes.is_text_or_none,
    "actor": notes.is_text,
    "detail": notes.is_text_or_none,
}


def keep(
    session: boto3.Session, environment: Environment, made: str, path: str, record: Mapping[str, Any]
) -> str:
    """Keep a record for later, under its id, with the path of its kind; returns where. `made` is a bundle's digest."""
    raw = notes.sign(
        session, environment, KIND, {bundle.MANIFEST: made}, {"path": path, "record": dict(record)}
    )
    store.write(session, environment.bucket, _key(str(record["id"])), raw)
    return f"s3://{environment.bucket}/{_key(str(record['id']))}"


def deliver(session: boto3.Session, environment: Environment, url: str) -> int:
    """Tell the ledger behind `url` what was kept; how many records it took.

    The ledger knows a record by its id, so that one which is told twice, or by two at once, is recorded once. What
    isn't signed, or isn't of this environment, is told to nobody. Each is taken on its own: what can't be delivered
    stays for the next time, a warning tells of it, and it holds up none of the others.
    """
    try:
        waiting = store.filled(session, environment.bucket, f"{_FOLDER}/")
        if not waiting:
            return 0
        by = notes.own_key(session, environment)
    except PipelineError as error:
        _warn(error)
        return 0
    count = 0
    for key in waiting:
        try:
            count += _deliver(session, environment, url, key, by)
        except Exception as error:  # whatever a hostile note brings up
            _warn(error)
    return count


def _deliver(session: boto3.Session, environment: Environment, url: str, key: str, by: Key) -> int:
    raw = store.read(session, environment.bucket, key)
    if not raw:
        return 0
    what = f"s3://{environment.bucket}/{key}"
    subjects, content = notes.read(raw, by, environment, KIND, what)
    path, record = notes.parsed(content, _NOTE, what).values()
    if path == ledger.PATH:
        record = notes.parsed(record, _DEPLOYMENT, what)
    about = (_key(str(record.get("id"))), record.get("environment") or environment.name)
    made = record.get("bundle", subjects.get(bundle.MANIFEST))
    if about != (key, environment.name) or dict(subjects) != {bundle.MANIFEST: made}:
        raise GateError(f"{what} is signed, but is about {record.get('id')} of {about[1]} and bundle {made}.")
    ledger.add(session, url, path, record)
    store.write(session, environment.bucket, key, _DELIVERED)
    return 1


def _warn(error: Exception) -> None:
    summary.warning("Still not recorded", f"An earlier record waits to be told: {said(error)}")


def _key(identifier: str) -> str:
    return f"{_FOLDER}/{identifier}.json"
