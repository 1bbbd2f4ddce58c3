"""Functions behind an API of the laptop's AWS, and how long requests to them take."""

import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any

from benchmarks.packages import Package
from sandbox.aws import Aws

REQUESTS = 100
# The emulator waits up to 50 ms for a function's log: compare only functions that all log a line a request.
_STAGE = "live"


def requests(
    made: dict[str, Package], settings: dict[str, str], scratch: Path
) -> dict[str, tuple[float, list[float]]]:
    """For each package: milliseconds of the first request for /health, and of `REQUESTS` later ones."""
    jwks = scratch / "jwks.json"
    jwks.write_text('{"keys": []}')
    aws = Aws(scratch / "emulator", jwks)
    aws.start()
    try:
        hosts = {name: _deploy(aws, name, package, settings) for name, package in made.items()}
        trust = ssl.create_default_context(cafile=str(aws.ca_bundle))
        connection = http.client.HTTPSConnection("localhost", aws.port, context=trust, timeout=60)
        took = {name: [_get(connection, host)] for name, host in hosts.items()}
        for _ in range(REQUESTS):
            for name, host in hosts.items():
                took[name].append(_get(connection, host))
        connection.close()
    finally:
        aws.stop()
    return {name: (first, rest) for name, (first, *rest) in took.items()}


def _get(connection: http.client.HTTPSConnection, host: str) -> float:
    """Milliseconds of one request."""
    began = time.perf_counter()
    connection.request("GET", f"/{_STAGE}/health", headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    if answer.status != 200:
        raise SystemExit(f"{host} answered {answer.status}: {body!r}")
    return took


def _deploy(aws: Aws, name: str, package: Package, settings: dict[str, str]) -> str:
    """Create the function and a REST API before it; return the API's host."""
    trust: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    here = aws.accounts[-1]
    role = aws.client("iam", here.environment).create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )
    functions = aws.client("lambda", here.environment)
    arn = functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler=package.handler,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": package.archive.read_bytes()},
        Environment={"Variables": settings},
        MemorySize=512,
        Timeout=30,
    )["FunctionArn"]
    apis = aws.client("apigateway", here.environment)
    api = apis.create_rest_api(name=name)["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    resource = apis.create_resource(restApiId=api, parentId=root, pathPart="health")["id"]
    apis.put_method(restApiId=api, resourceId=resource, httpMethod="GET", authorizationType="NONE")
    apis.put_integration(
        restApiId=api,
        resourceId=resource,
        httpMethod="GET",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{here.region}:lambda:path/2015-03-31/functions/{arn}/invocations",
    )
    apis.create_deployment(restApiId=api, stageName=_STAGE)
    functions.add_permission(
        FunctionName=name,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    return f"{api}.execute-api.{here.region}.amazonaws.com"
