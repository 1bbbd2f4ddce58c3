"""AWS Signature Version 4 for two kinds of requests: a POST to the root path of a service with its body in JSON, and a
GET that is never sent, whose address is a token for Amazon RDS.

Importing botocore to do this costs a cold start a quarter of a second (docs/adr/0004-own-aws-calls.md).
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class Keys:
    """The credentials that sign: an access key, its secret and, for a role, the session token."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False, default=None)


def signed_headers(
    *,
    host: str,
    headers: Mapping[str, str],
    body: bytes,
    service: str,
    region: str,
    keys: Keys,
    now: datetime,
) -> dict[str, str]:
    """Return `headers` with those added that sign the request; `now` is in UTC."""
    stamp = now.strftime(_STAMP)
    signed = {**{name.lower(): value for name, value in headers.items()}, "host": host, "x-amz-date": stamp}
    if keys.token:
        signed["x-amz-security-token"] = keys.token
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            "POST",
            "/",
            "",
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = _scope(stamp, region, service)
    signature = _signature(canonical, stamp, scope, keys)
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def presigned(
    *, host: str, query: Mapping[str, str], service: str, region: str, keys: Keys, now: datetime, seconds: int
) -> str:
    """Return the address, without its scheme, of a GET of the root path that is signed for so many seconds."""
    stamp = now.strftime(_STAMP)
    scope = _scope(stamp, region, service)
    signed = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token:
        signed["X-Amz-Security-Token"] = keys.token
    text = urlencode(sorted(signed.items()), safe="-_.~", quote_via=quote)
    canonical = "\n".join(["GET", "/", text, f"host:{host}", "", "host", hashlib.sha256(b"").hexdigest()])
    return f"{host}/?{text}&X-Amz-Signature={_signature(canonical, stamp, scope, keys)}"


_ALGORITHM, _STAMP = "AWS4-HMAC-SHA256", "%Y%m%dT%H%M%SZ"


def _scope(stamp: str, region: str, service: str) -> str:
    return f"{stamp[:8]}/{region}/{service}/aws4_request"


def _signature(canonical: str, stamp: str, scope: str, keys: Keys) -> str:
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
