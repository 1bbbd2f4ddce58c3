"""Mends of API Gateway: who is asked, and what a broken function's caller hears."""

import json
import re
from typing import Any

from ministack import app
from ministack.services import apigateway_v1

# ID.execute-api.REGION.amazonaws.com, the host that AWS gives an API.
_AWS_HOST = re.compile(r"^([a-f0-9]{8,10})\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::\d+)?$")


def hosts_of_aws() -> None:
    """AWS: an API answers as ID.execute-api.REGION.amazonaws.com. ministack: as ID.execute-api.HOST alone."""
    local = app._EXECUTE_API_RE

    class Either:
        def match(self, host: str) -> re.Match[str] | None:
            return local.match(host) or _AWS_HOST.match(host)

    app._EXECUTE_API_RE = Either()


def apis_of_every_account() -> None:
    """AWS: an API's id says whose it is. ministack: an unsigned request finds those of one account only."""
    ambient = apigateway_v1.find_api_scope

    def found(api_id: str) -> tuple[str, str] | None:
        known: tuple[str, str] | None = ambient(api_id)
        if known is not None:
            return known
        owners: list[tuple[str, str]] = [
            key[:2] for key, _api in apigateway_v1._rest_apis.all_items() if key[2] == api_id
        ]
        return owners[0] if owners else None

    apigateway_v1.find_api_scope = found


def silent_failures() -> None:
    """AWS: a function that raises, or whose answer isn't of the right form, gives the caller 502 and {"message":
    "Internal server error"}. ministack: it gives the exception's text, or the answer whatever its form."""
    shape = apigateway_v1._lambda_proxy_response

    def shaped(result: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        if not result.get("throttle") and (result.get("error") or not _is_answer(result.get("body"))):
            return {
                "statusCode": 502,
                "headers": {"Content-Type": "application/json"},
                "body": json.dumps({"message": "Internal server error"}),
            }, None
        answer: tuple[dict[str, Any] | None, str | None] = shape(result)
        return answer

    apigateway_v1._lambda_proxy_response = shaped


def _is_answer(body: object) -> bool:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return False
    return isinstance(body, dict) and isinstance(body.get("statusCode"), int | str)


MENDS = (hosts_of_aws, apis_of_every_account, silent_failures)
