"""One AWS account in memory, as far as a deployment touches it. Its `client(...)` is what a session gives.

Every call counts; the call number `fails_at` meets a network that is down. A change set is made of the version of the
template that is named, and executed in one step, with the versions of code that the template names.
"""

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from pipeline.base import http
from pipeline.base.errors import GateError
from pipeline.delivery import smoke, stack
from pipeline.source import samconfig
from pipeline.source.located import parse
from pipeline.source.samconfig import Environment
from tests.pipeline.applications import application

URL = "https://api1.execute-api.eu-west-1.amazonaws.com/live"


def environment(**changes: Any) -> Environment:
    """An environment as samconfig.toml would have it; `parameters` are few."""
    settings = {
        "repository": Path(),
        "application": application(),
        "name": "dev",
        "stack_name": "esclusa-dev",
        "region": "eu-west-1",
        "bucket": "dev-artifacts",
        "prefix": "packages",
        "execution_role": "arn:aws:iam::111111111111:role/esclusa-dev-execution",
        "capabilities": ("CAPABILITY_IAM",),
        "tags": {"application": "esclusa"},
        "parameters": {
            "DatabaseHost": "/esclusa/dev/database/host",
            "LogLevel": "INFO",
            "Architecture": "x86_64",
            "Commit": "unreleased",
            "BundleDigest": "unreleased",
            "ReleaseDigest": "unreleased",
        },
        "account": "111111111111",
        "deploy_role": "arn:aws:iam::111111111111:role/esclusa-dev-deploy",
        "promote_from": "",
    }
    return samconfig.Environment(**{**settings, **changes})


def refused(code: str, message: str = "no") -> ClientError:
    """An error as AWS's SDK raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@dataclass
class Cloud:
    """The account's state, to be set and looked at by tests."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    ssm: dict[str, str] = field(default_factory=lambda: {"/esclusa/dev/database/host": "db.example.com"})
    status: str = "ABSENT"
    statuses: list[str] = field(default_factory=list)  # what is shown, one a look, before `status`
    parameters: dict[str, str] = field(default_factory=dict)
    updates: int = 0
    versions: dict[tuple[str, str, str], bytes] = field(
        default_factory=dict
    )  # of objects: bucket, key, version
    waiting: dict[str, Any] = field(default_factory=dict)  # change sets: ARN to parameters and template
    changes: list[dict[str, Any]] = field(default_factory=lambda: [change("Modify", "AppFunction")])
    outcome: str = "COMPLETE"  # how an execution ends: COMPLETE or ROLLBACK_COMPLETE
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)  # path to an answer of the API
    resolved: dict[str, dict[str, str]] = field(
        default_factory=dict
    )  # by parameter, as SSM was at its execution
    broken: set[str] = field(default_factory=set)  # commits whose release is not ready
    ledger: dict[str, dict[str, Any]] = field(default_factory=dict)
    functions: dict[str, str] = field(
        default_factory=lambda: {"AppFunction": "app.zip"}
    )  # with their code's file
    code: dict[str, str] = field(default_factory=dict)  # of each live function by name: CodeSha256
    template: str = ""  # what is live
    region_name: str = "eu-west-1"
    unreserved: int = 1000  # of the executions that Lambda runs at once
    signing: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    fails_at: int = 0
    calls: list[str] = field(default_factory=list)

    def client(self, _service: str, config: Any = None) -> "Cloud":
        return self

    def get_credentials(self) -> Any:
        return None

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fails_at:
            raise EndpointConnectionError(endpoint_url="https://aws.example.com")

    # S3

    @property
    def meta(self) -> Any:
        return SimpleNamespace(endpoint_url="https://s3.example.com")

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> dict[str, str]:  # noqa: N803
        self._called(f"put {Key.rsplit('/', 1)[-1]}")
        self.objects[Bucket, Key] = Body
        return {"VersionId": self._version(Bucket, Key)}

    def _version(self, bucket: str, key: str) -> str:
        """The name of what lies at a key now."""
        body = self.objects[bucket, key]
        kept = {name: one for (*at, name), one in self.versions.items() if at == [bucket, key]}
        name = next((name for name, one in kept.items() if one == body), f"version-{len(kept) + 1}")
        self.versions[bucket, key, name] = body
        return name

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        self._called(f"get {Key.rsplit('/', 1)[-1]}")
        if (Bucket, Key) not in self.objects:
            raise refused("NoSuchKey")
        name = VersionId or self._version(Bucket, Key)
        return {"Body": io.BytesIO(self.versions[Bucket, Key, name]), "VersionId": name}

    def get_paginator(self, _operation: str) -> "Cloud":
        return self

    def paginate(self, *, Bucket: str = "", Prefix: str = "", StackName: str = "") -> list[dict[str, Any]]:  # noqa: N803
        if StackName:
            return self._resources()
        self._called(f"list {Prefix}")
        found = [(key, body) for (bucket, key), body in self.objects.items() if bucket == Bucket]
        listed = [{"Key": key, "Size": len(body)} for key, body in found if key.startswith(Prefix)]
        return [{"Contents": listed[:1]}, {"Contents": listed[1:]}, {}]

    # KMS: one key, of the curve that the pipeline signs with

    def get_public_key(self, **_: Any) -> dict[str, Any]:
        self._called("public key")
        public = self.signing.public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": "arn:aws:kms:eu-west-1:111111111111:key/1", "PublicKey": der}

    def sign(self, **given: Any) -> dict[str, Any]:
        self._called("sign")
        digest = utils.Prehashed(hashes.SHA256())
        return {"Signature": self.signing.sign(given["Message"], ec.ECDSA(digest))}

    def trust_own_key(self) -> None:
        """As an administrator: prod recognizes this account's own signatures."""
        der = self.get_public_key()["PublicKey"]
        self.ssm["/esclusa/prod/promotion-key"] = base64.b64encode(der).decode()

    # SSM, STS, Lambda

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803
        self._called(f"parameter {Name}")
        if Name not in self.ssm:
            raise refused("ParameterNotFound")
        return {"Parameter": {"Value": self.ssm[Name]}}

    def get_account_settings(self) -> dict[str, Any]:
        self._called("get_account_settings")
        return {
            "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self.unreserved}
        }

    def get_caller_identity(self) -> dict[str, str]:
        self._called("identity")
        return {
            "Account": "111111111111",
            "Arn": "arn:aws:sts::111111111111:assumed-role/esclusa-dev-deploy/x",
        }

    def get_function(self, *, FunctionName: str, Qualifier: str = "") -> dict[str, Any]:  # noqa: N803
        self._called("function")
        if FunctionName not in self.code:
            raise refused("ResourceNotFoundException")
        return {
            "Configuration": {
                "CodeSha256": self.code[FunctionName],
                "Version": "7" if Qualifier else "$LATEST",
            }
        }

    # CloudFormation

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        self._called("stack")
        status = self.statuses.pop(0) if self.statuses else self.status
        if status == "ABSENT":
            raise refused("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = {"ApiUrl": URL} if self.parameters else {}
        return {
            "Stacks": [
                {
                    "StackStatus": status,
                    "LastUpdatedTime": f"update {self.updates}",
                    "Parameters": [
                        {"ParameterKey": key, "ParameterValue": value, **self.resolved.get(key, {})}
                        for key, value in self.parameters.items()
                    ],
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
                }
            ]
        }

    def _resources(self) -> list[dict[str, Any]]:
        """What list_stack_resources gives: a function a page; what isn't made yet has no physical name."""
        self._called("resources")
        rows = [
            {
                "LogicalResourceId": one,
                "PhysicalResourceId": f"esclusa-dev-{one}",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for one in self.functions
        ]
        rows.append({"LogicalResourceId": "Pending", "ResourceStatus": "CREATE_IN_PROGRESS"})
        return [{"StackResourceSummaries": [row]} for row in rows]

    def create_change_set(self, **given: Any) -> dict[str, str]:
        self._called("create change set")
        assert given["ChangeSetType"] == ("UPDATE" if self.parameters else "CREATE")
        address = urlsplit(given["TemplateURL"])
        bucket, _, key = address.path.removeprefix("/").partition("/")
        body = self.versions[bucket, key, address.query.removeprefix("versionId=")].decode()
        values = {one["ParameterKey"]: one["ParameterValue"] for one in given["Parameters"]}
        name = given["ChangeSetName"]
        arn = f"arn:aws:cloudformation:eu-west-1:111111111111:changeSet/{name}/x"
        self.waiting[arn] = {"values": values, "template": body}
        return {"Id": arn}

    def describe_change_set(self, **given: str) -> dict[str, Any]:
        self._called("change set")
        made = self.waiting[given["ChangeSetName"]]
        if (made["values"], made["template"]) == (self.parameters, self.template):
            return {
                "Status": "FAILED",
                "StatusReason": "The submitted information didn't contain changes. Submit different information.",
            }
        at = int(given.get("NextToken", "0"))
        page = {"Changes": [{"ResourceChange": one} for one in self.changes[at : at + 1]]}
        more = {"NextToken": str(at + 1)} if at + 1 < len(self.changes) else {}
        return {"Status": "CREATE_COMPLETE", **page, **more}

    def get_template(self, **given: str) -> dict[str, Any]:
        self._called("template")
        return {"TemplateBody": self.waiting[given["ChangeSetName"]]["template"]}

    def execute_change_set(self, *, ChangeSetName: str, StackName: str) -> None:  # noqa: N803
        self._called("execute")
        made = self.waiting[ChangeSetName]
        self.waiting.clear()  # an execution ends every other change set of the stack
        self.updates += 1
        new = not self.parameters
        if self.outcome == "COMPLETE":
            self.parameters, self.template = made["values"], made["template"]
            self.resolved = {
                key: {"ResolvedValue": self.ssm[name]}
                for key, name in self.parameters.items()
                if name in self.ssm
            }
            resources = parse(self.template, "template.yaml").data["Resources"]
            self.code = {}
            for name in self.functions:
                at = resources[name]["Properties"]["CodeUri"]
                body = self.versions[at["Bucket"], at["Key"], at["Version"]]
                self.code[f"esclusa-dev-{name}"] = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.status = f"{'CREATE' if new else 'UPDATE'}_{self.outcome}"

    def delete_change_set(self, *, ChangeSetName: str, StackName: str) -> None:  # noqa: N803
        self._called("delete change set")
        self.waiting.pop(ChangeSetName, None)

    def describe_stack_events(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        self._called("events")
        return {"StackEvents": []}

    def describe_events(self, **_: Any) -> dict[str, Any]:
        self._called("operation's events")
        return {"OperationEvents": []}

    # The API around it

    def request(
        self, method: str, url: str, *, body: Mapping[str, Any] | None = None, **_: Any
    ) -> http.Answer:
        """The deployed application."""
        path = urlsplit(url).path.removeprefix("/live")
        with suppress(KeyError):
            status, data = self.answers[path]
            return http.Answer(status, data, json.dumps(data))
        self._called(f"{method} {path}")
        if method == "POST":
            assert body is not None
            known = self.ledger.get(body["id"])
            if known is None:
                self.ledger[body["id"]] = dict(body)
            return _answer(201 if known is None else 200 if known == body else 409, {})
        if self.parameters["Commit"] in self.broken and path == "/ready":
            return _answer(500, {"status": "down"})
        names = {"commit": "Commit", "bundle": "BundleDigest", "release": "ReleaseDigest"}
        found = {key: self.parameters[name] for key, name in names.items()}
        return _answer(200, {"environment": "dev", **found})


def _answer(status: int, data: Any) -> http.Answer:
    return http.Answer(status, data, json.dumps(data))


def change(action: str, resource: str, kind: str = "AWS::Lambda::Function", **more: Any) -> dict[str, Any]:
    """A ResourceChange of a change set."""
    return {"Action": action, "LogicalResourceId": resource, "ResourceType": kind, **more}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An account in place of AWS: no network, no waiting."""
    made = Cloud()

    def request(method: str, url: str, **more: Any) -> http.Answer:
        try:
            return made.request(method, url, **more)
        except EndpointConnectionError as error:
            raise GateError(f"{method} {url}: no answer") from error

    monkeypatch.setattr(http, "request", request)
    monkeypatch.setattr(stack, "POLL", 0.0)
    monkeypatch.setattr(stack, "_BEGINNING", 0.05)
    monkeypatch.setattr(smoke, "_PAUSE", 0.0)
    monkeypatch.setattr(smoke, "_LAG", 0.0)
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return made
