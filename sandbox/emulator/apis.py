"""Mends of API Gateway: who is asked, and what a broken function's caller hears."""

import json
import re
from typing import Any

from ministack import app
from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

from sandbox.emulator.handlers import Made, Properties

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


def binary_types() -> None:
    """AWS: in a template ~1 stands for the / of a media type. ministack: it is kept, so that no type is binary, and
    every picture is taken for text. Source: CloudFormation, AWS::ApiGateway::RestApi, BinaryMediaTypes."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RestApi"]
    create, update = handler["create"], handler["update"]

    def created(logical: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical, _with_types(properties), stack)
        return made

    def updated(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        made: Made = update(physical, _with_types(old), _with_types(new), *rest)
        return made

    handler["create"], handler["update"] = created, updated


def _with_types(properties: Properties) -> Properties:
    if "BinaryMediaTypes" not in properties:
        return properties
    types = [str(one).replace("~1", "/") for one in properties["BinaryMediaTypes"]]
    return {**properties, "BinaryMediaTypes": types}


def any_methods() -> None:
    """AWS: x-amazon-apigateway-any-method in an OpenAPI body is a method for all that the path has none of.
    ministack: it is passed over, so that nobody may call. Source: API Gateway's developer guide, that extension."""
    item, put = apigateway_v1._import_path_item, apigateway_v1._import_operation

    def imported(
        api: str, path: str, operations: Properties, schemes: Any = None, security: Any = None
    ) -> None:
        item(api, path, operations, schemes, security)
        operation = operations.get("x-amazon-apigateway-any-method")
        if operation is not None:
            resource = next(key for key, one in apigateway_v1._resources[api].items() if one["path"] == path)
            put(api, resource, "ANY", operation, schemes, security)

    apigateway_v1._import_path_item = imported


def bodies_in_place() -> None:
    """AWS: an API keeps its id, and with it its address, when its OpenAPI body changes. ministack: it is made anew,
    under another id. Source: CloudFormation, AWS::ApiGateway::RestApi, Body ("Update requires: No interruption")."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RestApi"]
    create, update = handler["create"], handler["update"]

    def updated(
        physical: str, old: Properties, new: Properties, stack: str, logical: str | None = None
    ) -> Made:
        if new.get("Body") == old.get("Body") or not isinstance(new.get("Body"), dict):
            made: Made = update(physical, old, new, stack, logical)
            return made
        fresh: str = create(logical or physical, new, stack)[0]
        _move(fresh, physical)
        return physical, provisioners._apigw_rest_api_attrs(physical)

    handler["update"] = updated


def _move(source: str, target: str) -> None:
    """Give the API `target` the routes, authorizers and settings of `source`, which goes; its id and root stay."""
    roots = [
        next(key for key, one in apigateway_v1._resources[api].items() if one["path"] == "/")
        for api in (source, target)
    ]
    ids = dict([roots])
    apigateway_v1._resources[target] = {
        ids.get(key, key): {
            **one,
            "id": ids.get(key, key),
            "parentId": ids.get(one["parentId"], one["parentId"]),
        }
        for key, one in apigateway_v1._resources[source].items()
    }
    apigateway_v1._authorizers_v1[target] = apigateway_v1._authorizers_v1[source]
    kept = {name: apigateway_v1._rest_apis[target][name] for name in ("id", "createdDate")}
    apigateway_v1._rest_apis[target] = {**apigateway_v1._rest_apis[source], **kept}
    apigateway_v1._authorizers_v1[source] = {}
    apigateway_v1._delete_rest_api(source)


MENDS = (
    hosts_of_aws,
    apis_of_every_account,
    silent_failures,
    bodies_in_place,
    binary_types,
    any_methods,
)
