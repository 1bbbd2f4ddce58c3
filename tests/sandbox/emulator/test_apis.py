"""Who is asked, and what a broken function's caller hears."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e
_CODE = """
def handler(event, context):
    kind = event["path"].rpartition("/")[2]
    if kind == "raise":
        raise ValueError("too much detail")
    if kind == "shapeless":
        return "no answer of API Gateway's form"
    return {"statusCode": 200, "headers": {}, "body": event["path"] + " of " + event["requestContext"]["apiId"]}
"""
_TEMPLATE: dict[str, Any] = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Api": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "live"}},
        "Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "InlineCode": _CODE,
                "Events": {
                    "Open": {
                        "Type": "Api",
                        "Properties": {"RestApiId": {"Ref": "Api"}, "Path": "/{kind}", "Method": "GET"},
                    },
                    "Closed": {
                        "Type": "Api",
                        "Properties": {
                            "RestApiId": {"Ref": "Api"},
                            "Path": "/closed/{kind}",
                            "Method": "GET",
                            "Auth": {"Authorizer": "AWS_IAM", "InvokeRole": "NONE"},
                        },
                    },
                },
            },
        },
    },
    "Outputs": {"Id": {"Value": {"Ref": "Api"}}},
}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> str:
    """The id of an API in an account that is not the emulator's own."""
    assert "CREATE_COMPLETE" == cloud.deploy("api", _TEMPLATE)
    return cloud.outputs("api")["Id"]


@pytest.fixture(scope="module")
def http(cloud: Cloud) -> Iterator[urllib3.PoolManager]:
    """A client that trusts the emulator."""
    with urllib3.PoolManager(ca_certs=str(cloud.aws.ca_bundle), retries=False) as pool:
        yield pool


def _get(cloud: Cloud, http: urllib3.PoolManager, api: str, path: str, **headers: str) -> tuple[int, str]:
    host = f"{api}.execute-api.eu-west-1.amazonaws.com"
    answer = http.request("GET", f"{cloud.aws.endpoint}/live{path}", headers={"Host": host, **headers})
    return answer.status, answer.data.decode()


def test_an_unsigned_request_finds_the_api_by_aws_host(
    cloud: Cloud, http: urllib3.PoolManager, api: str
) -> None:
    """The host that AWS gives an API names it, in whichever account it lies."""
    assert (200, f"/ok of {api}") == _get(cloud, http, api, "/ok")


def test_an_unknown_api_is_not_found(cloud: Cloud, http: urllib3.PoolManager) -> None:
    """A host of no API is refused as AWS refuses it."""
    status, _ = _get(cloud, http, "0123456789", "/ok")

    assert status in {403, 404}


@pytest.mark.parametrize("kind", ["raise", "shapeless"])
def test_a_broken_function_tells_its_caller_nothing(
    cloud: Cloud, http: urllib3.PoolManager, api: str, kind: str
) -> None:
    """502 with API Gateway's own words, for an exception as for an answer of no form."""
    status, body = _get(cloud, http, api, f"/{kind}")

    assert 502 == status
    assert {"message": "Internal server error"} == json.loads(body)


def test_a_closed_route_wants_a_signature(cloud: Cloud, http: urllib3.PoolManager, api: str) -> None:
    """Unsigned: 403. Signed for the host that AWS gives the API, by a role that may: 200; that may not: 403."""
    allowed = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:eu-west-1:111111111111:{api}/live/GET/closed/*",
    }
    statuses = {}
    for name, statements in (("may", [allowed]), ("may-not", [])):
        session = cloud.become(cloud.role(f"calls-{name}", *statements))
        url = f"https://{api}.execute-api.eu-west-1.amazonaws.com/live/closed/ok"
        request = AWSRequest(method="GET", url=url)
        SigV4Auth(session.get_credentials(), "execute-api", "eu-west-1").add_auth(request)
        statuses[name] = _get(cloud, http, api, "/closed/ok", **dict(request.headers.items()))[0]

    assert 403 == _get(cloud, http, api, "/closed/ok")[0]
    assert {"may": 200, "may-not": 403} == statuses


_PNG = bytes(range(256))
_BINARY = """
import base64

def handler(event, context):
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else (event["body"] or "").encode()
    answer = event["httpMethod"].encode() + b" " + body + bytes(range(256))
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "image/png"},
        "isBase64Encoded": True,
        "body": base64.b64encode(answer).decode(),
    }
"""


def _everything(*paths: str) -> dict[str, Any]:
    """A template of an API whose paths take every method, and any type of content."""
    events = {
        f"Event{number}": {
            "Type": "Api",
            "Properties": {"RestApiId": {"Ref": "Api"}, "Path": path, "Method": "ANY"},
        }
        for number, path in enumerate(paths)
    }
    function = {"Runtime": "python3.13", "Handler": "index.handler", "InlineCode": _BINARY, "Events": events}
    api = {"StageName": "live", "BinaryMediaTypes": ["*~1*"]}
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Api": {"Type": "AWS::Serverless::Api", "Properties": api},
            "Function": {"Type": "AWS::Serverless::Function", "Properties": function},
        },
        "Outputs": {"Id": {"Value": {"Ref": "Api"}}},
    }


def test_bytes_pass_any_method_and_a_new_route_keeps_the_address(
    cloud: Cloud, http: urllib3.PoolManager
) -> None:
    """A body that is no text goes in and comes out as it is, by a method that is named nowhere; and a route that is
    added to the live API answers at the address that the API had, beside those that were there."""
    assert "CREATE_COMPLETE" == cloud.deploy("bytes", _everything("/", "/{path+}"))
    api = cloud.outputs("bytes")["Id"]

    def send(method: str, path: str) -> tuple[int, bytes]:
        answer = http.request(
            method,
            f"{cloud.aws.endpoint}/live{path}",
            body=_PNG,
            headers={
                "Host": f"{api}.execute-api.eu-west-1.amazonaws.com",
                "Content-Type": "application/octet-stream",
                "Accept": "image/png",
            },
        )
        return answer.status, answer.data

    for method in ("POST", "PUT", "DELETE"):
        assert (200, method.encode() + b" " + _PNG + _PNG) == send(method, "/picture.png")
    assert 200 == send("PATCH", "/")[0]

    cloud.client("cloudformation").update_stack(
        StackName="bytes",
        TemplateBody=json.dumps(_everything("/", "/{path+}", "/added")),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    assert "UPDATE_COMPLETE" == cloud.settled("bytes")
    assert api == cloud.outputs("bytes")["Id"]
    for path in ("/added", "/picture.png"):
        assert (200, b"POST " + _PNG + _PNG) == send("POST", path)
