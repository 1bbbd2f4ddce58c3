"""Requests over HTTP: to GitHub, and to the deployed API, signed or not."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from pipeline.base.errors import GateError

_TIMEOUT = urllib3.Timeout(connect=10.0, read=35.0)  # API Gateway answers within 29 s, or says that it can't
_LONGEST_WAIT = 60  # seconds
_BACKOFF = 1.0  # seconds, doubled with each further try


class _Again(urllib3.Retry):
    """Asks again where the other side is at fault, or asks for patience: three times, and as long as it says.

    GitHub's secondary limits are 403 or 429 with Retry-After ("Best practices for using the REST API"): what they
    refuse was not done, so that it may be asked again whatever it is. After a 5xx nobody knows: what would be done
    twice then is asked once.
    """

    RETRY_AFTER_STATUS_CODES = frozenset({403, 429, 503})

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        limited = has_retry_after and status_code in (403, 429)
        return bool(self.total) and (limited or super().is_retry(method, status_code, has_retry_after))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `data` is its JSON, None when it holds none (or nests it deeper than can be read).

    `headers` are by their names in small letters.
    """

    status: int
    data: Any
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    patient: bool = False,
    trust: str | None = None,
) -> Answer:
    """Ask, once, and follow no redirect; with `patient` again on limits, and on 5xx where twice is as once.

    `trust` is a file of certificates, in place of the system's. Raises GateError when nobody answers.
    """
    again: urllib3.Retry | bool = False
    if patient:
        again = _Again(
            total=3,
            connect=0,
            read=0,
            redirect=0,
            other=0,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=("GET", "PATCH", "PUT", "DELETE"),
            backoff_factor=_BACKOFF,
            raise_on_status=False,
            retry_after_max=_LONGEST_WAIT,
        )
    try:
        answer = _pool(trust).request(
            method, url, body=body, headers=dict(headers), retries=again, timeout=_TIMEOUT, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        asked = urlsplit(url)._replace(query="").geturl()  # a query may hold what opens something
        raise GateError(f"no answer to {method} {asked}: {getattr(error, 'reason', error)}") from error
    text = answer.data.decode(errors="replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    return Answer(answer.status, data, text, {name.lower(): one for name, one in answer.headers.items()})


@cache
def _pool(trust: str | None) -> urllib3.PoolManager:
    return urllib3.PoolManager(ca_certs=trust)


def request(
    method: str, url: str, *, body: Mapping[str, Any] | None = None, session: boto3.Session | None = None
) -> Answer:
    """Ask the API behind `url`; with a session signed by its credentials (SigV4, service execute-api).

    AWS_ENDPOINT_URL_EXECUTE_API names where the connection goes, in the manner of the SDKs' endpoints a service:
    the URL's host stays the Host header and part of the signature. Raises GateError when nobody answers.
    """
    payload = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"} if payload else {}
    if session is not None:
        headers = _signed(method, url, payload, headers, session)
    parts = urlsplit(url)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EXECUTE_API", "").rstrip("/")
    target = f"{endpoint}{parts.path}?{parts.query}".rstrip("?") if endpoint else url
    return send(
        method,
        target,
        body=payload,
        headers={**headers, "Host": parts.netloc},
        trust=os.environ.get("AWS_CA_BUNDLE"),
    )


def _signed(
    method: str, url: str, payload: bytes | None, headers: Mapping[str, str], session: boto3.Session
) -> dict[str, str]:
    credentials = session.get_credentials()
    if credentials is None:
        raise GateError(f"{method} {url}: there are no AWS credentials to sign with.")
    signed = AWSRequest(method=method, url=url, data=payload, headers=dict(headers))
    SigV4Auth(credentials, "execute-api", session.region_name).add_auth(signed)
    return {name: str(value) for name, value in signed.headers.items()}
