"""What the pipeline notes in buckets, for its next run or for the environment after this one: signed, or not believed.

A note is an in-toto statement about files (a bundle's manifest, a passport), signed as all statements are, and bound
to the environment, the account and the repository that it was made in. Who may write to a bucket can lay a note of
another environment, of another kind, or of nobody there: none of them is read any further than to say so.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from securesystemslib.signer import Key

from pipeline.base import git
from pipeline.base.errors import GateError
from pipeline.delivery import store
from pipeline.delivery.bundle import DIGEST
from pipeline.evidence import envelope
from pipeline.source.samconfig import Environment

SCHEMA = 1
UNSIGNED = (
    "It may be from before notes were signed. README.md, 'Notes that aren't signed', says what then to do."
)
_TEXT = 4000  # characters; who writes more writes no note
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


class DisbelievedError(GateError):
    """A note that isn't signed, or is about something else than what it was laid down for."""


def sign(
    session: boto3.Session,
    environment: Environment,
    kind: str,
    subjects: Mapping[str, str],
    content: Mapping[str, Any],
) -> bytes:
    """A note of a `kind` about `subjects` (name to SHA-256), by the environment's key."""
    whole = {"schema": SCHEMA, "made_in": _origin(environment), "content": content}
    return envelope.sign(envelope.signer(session, environment.signing_key), subjects, _type(kind), whole)


def load(session: boto3.Session, bucket: str, key: str) -> bytes | None:
    """A note as it lies in a bucket, unverified; None when there is none. Raises DisbelievedError for a huge one."""
    try:
        return store.read(session, bucket, key)
    except store.TooLargeError as error:
        raise DisbelievedError(error.message, error.hint) from error


def read(
    raw: bytes, key: Key, environment: Environment, kind: str, what: str
) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """The subjects and the content of a note that `environment` made. Raises DisbelievedError.

    `what` names it in errors. The content is signed, but is still to be read by `parsed`.
    """
    try:
        said = envelope.verify(raw, key, what)
    except GateError as error:
        raise DisbelievedError(f"{error.message} It counts for nothing.", UNSIGNED) from error
    made_in, content = said.predicate.get("made_in"), said.predicate.get("content")
    if said.predicate_type != _type(kind):
        raise DisbelievedError(f"{what} is signed, but as {said.predicate_type!r} and not as {_type(kind)}.")
    if made_in != _origin(environment):
        raise DisbelievedError(
            f"{what} is signed, but was made in {made_in!r}, not in {_origin(environment)}.",
            "Somebody copied it. It counts for nothing here.",
        )
    if said.predicate.get("schema") != SCHEMA or not isinstance(content, dict):
        raise DisbelievedError(f"{what} is signed, but has another form than this reads.", UNSIGNED)
    return said.subjects, content


def own_key(session: boto3.Session, environment: Environment) -> Key:
    """The public half of the key that an environment's own notes are signed with."""
    return envelope.signer(session, environment.signing_key).public_key


def parsed(
    content: Mapping[str, Any], fields: Mapping[str, Callable[[Any], bool]], what: str
) -> dict[str, Any]:
    """The fields of a note, each of the form that `fields` asks for. Raises DisbelievedError."""
    for name, good in fields.items():
        if not good(content.get(name)):
            raise DisbelievedError(f"{what} is signed, but its {name} is {str(content.get(name))[:80]!r}.")
    return {name: content.get(name) for name in fields}


def is_commit(value: Any) -> bool:
    return isinstance(value, str) and git.COMMIT.fullmatch(value) is not None


def is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT


def is_text_or_none(value: Any) -> bool:
    return value is None or is_text(value)


def is_time(value: Any) -> bool:
    """RFC 3339 in UTC, as the pipeline writes it, and a moment that there is."""
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        return False
    try:
        return dt.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _type(kind: str) -> str:
    return f"urn:esclusa:{kind}:1"


def _origin(environment: Environment) -> dict[str, str]:
    return {
        "environment": environment.name,
        "account": environment.account,
        "repository": environment.application.repository,
    }
