"""The release ledger, as the pipeline writes and reads it."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import boto3

from pipeline.base import http
from pipeline.base.errors import GateError

_JSON, _DSSE = "application/json", "application/vnd.dsse.envelope.v1+json"
PATH = "/api/deployments"
PATHS = (PATH, *(f"/api/{kind}" for kind in ("evidence", "releases", "reports", "waivers")))
_NEW, _SAME, _OTHER = 201, 200, 409  # the id is new; known with the same content; known with other content
_NAMESPACE = uuid.UUID("6f8f6d2b-3ed5-4c1c-8f2e-0d6e0e3b5a11")  # ours alone, so that ids meet nobody else's


@dataclass(frozen=True)
class Deployment:
    """One deployment, as `POST /api/deployments` takes it; times are RFC 3339 in UTC."""

    id: str
    environment: str
    commit: str
    bundle: str
    release: str
    version: str | None
    kind: str
    status: str
    started_at: str
    finished_at: str
    run: str | None
    actor: str
    detail: str | None


def identity(*parts: str) -> str:
    """An id that follows from what it stands for, so that what is told again is recorded once."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(parts)))


def record(session: boto3.Session, url: str, deployment: Deployment) -> bool:
    """Write a deployment into the ledger behind the API's `url`; False when an earlier run has done so.

    Raises GateError when it isn't taken.
    """
    return add(session, url, PATH, asdict(deployment))


def add(session: boto3.Session, url: str, path: str, content: Mapping[str, Any]) -> bool:
    """Write a record of any kind, at the path of its kind; False when its id is known.

    Raises GateError when it isn't taken.
    """
    answer = http.request("POST", f"{url.rstrip('/')}{path}", body=content, session=session)
    if answer.status not in (_NEW, _SAME, _OTHER):
        raise GateError(f"The ledger answered {answer.status} to {path}: {answer.text[:300]!r}")
    return answer.status == _NEW


def evidence(
    bundle: str, name: str, raw: bytes, *, key: str, location: str | None = None, document: Any = None
) -> tuple[str, dict[str, Any]]:
    """The path and the content of a record of a piece of evidence on a bundle; `raw` is what its digest is of.

    `key` is its id, see `identity`; `location` where it is kept, for an envelope; `document` what it says.
    """
    content = {
        "id": key,
        "bundle": bundle,
        "name": name,
        "media_type": _JSON if location is None else _DSSE,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "location": location,
        "document": document,
    }
    return "/api/evidence", content


def latest(session: boto3.Session, url: str, limit: int = 20) -> list[Mapping[str, Any]]:
    """The newest deployments in the ledger, newest first. Raises GateError."""
    answer = http.request("GET", f"{url.rstrip('/')}{PATH}?limit={limit}", session=session)
    if answer.status != 200 or not isinstance(answer.data, dict):
        raise GateError(f"The ledger answered {answer.status}: {answer.text[:300]!r}")
    return list(answer.data.get("items", []))
