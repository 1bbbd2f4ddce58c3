"""Requests to the deployed API, signed or not."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from pipeline.base.errors import GateError

_TIMEOUT = urllib3.Timeout(connect=10.0, read=35.0)  # API Gateway answers within 29 s, or says that it can't


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `data` is its JSON, None when it holds none."""

    status: int
    data: Any
    text: str


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
    trust = os.environ.get("AWS_CA_BUNDLE")
    with urllib3.PoolManager(ca_certs=trust, retries=False, timeout=_TIMEOUT) as pool:
        try:
            answer = pool.request(method, target, body=payload, headers={**headers, "Host": parts.netloc})
        except urllib3.exceptions.HTTPError as error:
            raise GateError(f"{method} {url}: no answer: {error}") from error
    text = answer.data.decode(errors="replace")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    return Answer(answer.status, data, text)


def _signed(
    method: str, url: str, payload: bytes | None, headers: Mapping[str, str], session: boto3.Session
) -> dict[str, str]:
    credentials = session.get_credentials()
    if credentials is None:
        raise GateError(f"{method} {url}: there are no AWS credentials to sign with.")
    signed = AWSRequest(method=method, url=url, data=payload, headers=dict(headers))
    SigV4Auth(credentials, "execute-api", session.region_name).add_auth(signed)
    return {name: str(value) for name, value in signed.headers.items()}
