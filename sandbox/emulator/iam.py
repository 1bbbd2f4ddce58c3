"""Mends of IAM and STS: who one is, and what bounds it."""

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from pipeline.iam.trust_policy import CLAIMS
from sandbox.emulator.handlers import Made, Properties, after, register

ISSUER = "https://token.actions.githubusercontent.com"
_INVALID = "InvalidIdentityToken"
_SKEW = 300.0  # seconds that clocks may differ


def oidc_provider() -> None:
    """AWS: AWS::IAM::OIDCProvider makes a provider. ministack: an unknown type, though its API has providers."""

    def arn_of(properties: Properties) -> str:
        return f"arn:aws:iam::{get_account_id()}:oidc-provider/{properties['Url'].split('://', 1)[-1]}"

    def create(_logical: str, properties: Properties, _stack: str) -> Made:
        arn = arn_of(properties)
        iam._oidc_providers[arn] = {
            "Arn": arn,
            "Url": properties["Url"],
            "ClientIDList": list(properties.get("ClientIdList", [])),
            "ThumbprintList": list(properties.get("ThumbprintList", [])),
            "CreateDate": iam._now(),
            "Tags": list(properties.get("Tags", [])),
        }
        return arn, {"Arn": arn}

    def update(physical: str, _old: Properties, new: Properties) -> Made:
        iam._oidc_providers[physical]["ClientIDList"] = list(new.get("ClientIdList", []))
        return physical, {"Arn": physical}

    def delete(physical: str, _properties: Properties) -> None:
        iam._oidc_providers.pop(physical, None)

    register("AWS::IAM::OIDCProvider", create, update, delete)


def role_boundary() -> None:
    """AWS: a role's PermissionsBoundary bounds it. ministack: CloudFormation drops the property, so that a role
    made by a stack has all that its own policies allow."""

    def bound(name: str, properties: Properties) -> None:
        iam._roles[name]["PermissionsBoundary"] = properties.get("PermissionsBoundary")

    after("AWS::IAM::Role", bound)


def web_identity_token() -> None:
    """AWS: a web identity token must be signed by the issuer's key, be of this time, and be for an audience of a
    provider in the role's account. ministack: it reads the claims and believes them. The issuer's public keys
    are in the file that SANDBOX_JWKS names."""
    refused = sts._web_identity_trust_denied

    def judged(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
        code, message = _fault(sts._p(params, "WebIdentityToken") or "", role_arn.split(":")[4])
        if not code:
            return refused(role_arn, params, use_json)
        if use_json:
            return sts.error_response_json(code, message, 400)
        return sts._error(400, code, message, ns="sts")

    sts._web_identity_trust_denied = judged


def _fault(token: str, account: str) -> tuple[str, str]:
    """The error code and message for a token that STS would not take; empty for a good one."""
    try:
        keys = KeySet.import_key_set(json.loads(Path(os.environ["SANDBOX_JWKS"]).read_text(encoding="utf-8")))
        claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        return _INVALID, f"Couldn't validate the token's signature: {type(error).__name__}"
    now = time.time()
    provider = iam._oidc_providers.get_scoped(
        account, None, f"arn:aws:iam::{account}:oidc-provider/{ISSUER.split('://')[1]}"
    )
    if claims.get("iss") != ISSUER or provider is None:
        return _INVALID, f"No OpenIDConnect provider found in your account for {claims.get('iss')}"
    if claims.get("aud") not in provider["ClientIDList"]:
        return _INVALID, "Incorrect token audience"
    if not _is_time(claims.get("exp")) or claims["exp"] <= now:
        return "ExpiredTokenException", f"Token expired: current date/time {now:.0f} must be before it"
    if not _is_time(claims.get("iat")) or claims["iat"] > now + _SKEW or claims.get("nbf", 0) > now + _SKEW:
        return _INVALID, "The token is of a time to come"
    return "", ""


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def claims_of_github() -> None:
    """AWS: a trust policy may also ask for other claims of GitHub's tokens. ministack: for aud, sub and amr.
    pipeline.iam.trust_policy has the list, and its source."""
    known = sts._web_identity_principal

    def extended(token: str, provider: str, role_arn: str) -> tuple[str, dict[str, Any]]:
        principal, keys = known(token, provider, role_arn)
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        host = ISSUER.split("://")[1]
        return principal, {**keys, **{f"{host}:{name}": claims[name] for name in CLAIMS if name in claims}}

    sts._web_identity_principal = extended


MENDS = (oidc_provider, role_boundary, web_identity_token, claims_of_github)
