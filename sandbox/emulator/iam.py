"""Mends of IAM and STS: who one is, and what bounds it."""

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
from ministack.services.cloudformation import provisioners

ISSUER = "https://token.actions.githubusercontent.com"


def oidc_provider() -> None:
    """AWS: AWS::IAM::OIDCProvider makes a provider. ministack: an unknown type, though its API has providers."""

    def arn_of(properties: dict[str, Any]) -> str:
        return f"arn:aws:iam::{get_account_id()}:oidc-provider/{properties['Url'].split('://', 1)[-1]}"

    def create(_logical: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
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

    def update(physical: str, _old: dict[str, Any], new: dict[str, Any]) -> tuple[str, dict[str, str]]:
        iam._oidc_providers[physical]["ClientIDList"] = list(new.get("ClientIdList", []))
        return physical, {"Arn": physical}

    def delete(physical: str, _properties: dict[str, Any]) -> None:
        iam._oidc_providers.pop(physical, None)

    provisioners._RESOURCE_HANDLERS["AWS::IAM::OIDCProvider"] = {
        "create": create,
        "update": update,
        "delete": delete,
    }


def role_boundary() -> None:
    """AWS: a role's PermissionsBoundary bounds it. ministack: CloudFormation drops the property, so that a role
    made by a stack has all that its own policies allow."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    create, update = handler["create"], handler.get("update")

    def bound(physical: str, properties: dict[str, Any]) -> None:
        role = iam._roles[physical.rsplit("/", 1)[-1]]
        role["PermissionsBoundary"] = properties.get("PermissionsBoundary")

    def bounded_create(logical: str, properties: dict[str, Any], stack: str) -> Any:
        made = create(logical, properties, stack)
        bound(made[0], properties)
        return made

    handler["create"] = bounded_create
    if update is not None:

        def bounded_update(physical: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
            made = update(physical, old, new, *rest)
            bound(physical, new)
            return made

        handler["update"] = bounded_update


def web_identity_token() -> None:
    """AWS: a web identity token must be signed by the issuer's key, and be of this time. ministack: it reads the
    claims and believes them. The issuer's public keys are in the file that SANDBOX_JWKS names."""
    refused = sts._web_identity_trust_denied

    def judged(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
        code, message = _fault(sts._p(params, "WebIdentityToken") or "")
        if code:
            if use_json:
                return sts.error_response_json(code, message, 400)
            return sts._error(400, code, message, ns="sts")
        return refused(role_arn, params, use_json)

    sts._web_identity_trust_denied = judged


def _fault(token: str) -> tuple[str, str]:
    """The error code and message for a token that STS would not take; empty for a good one."""
    try:
        keys = KeySet.import_key_set(json.loads(Path(os.environ["SANDBOX_JWKS"]).read_text(encoding="utf-8")))
        claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        return (
            "InvalidIdentityToken",
            f"The web identity token could not be validated: {type(error).__name__}",
        )
    now = time.time()
    if claims.get("iss") != ISSUER:
        return "InvalidIdentityToken", "No OpenIDConnect provider found in your account for the issuer"
    if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= now:
        return "ExpiredTokenException", "Token expired"
    if isinstance(claims.get("nbf"), int | float) and claims["nbf"] > now + 300:
        return "InvalidIdentityToken", "Token is not valid yet"
    return "", ""


MENDS = (oidc_provider, role_boundary, web_identity_token)
