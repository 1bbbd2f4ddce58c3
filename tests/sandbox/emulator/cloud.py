"""The emulator as one account's root user, with short words for what the tests do again and again."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from sandbox.aws import Aws
from sandbox.oidc import Issuer
from tests.waiting import until

ACCOUNT = "111111111111"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["lambda.amazonaws.com", "cloudformation.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        },
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
    ],
}


@dataclass(frozen=True)
class Cloud:
    """The emulator as account dev's root user."""

    aws: Aws
    issuer: Issuer

    def client(self, service: str, session: Any = None) -> Any:
        """A client of account dev."""
        return self.aws.client(service, "dev", session)

    def deploy(self, stack: str, template: Mapping[str, Any], **more: Any) -> str:
        """Create the stack; returns the state in which it settles."""
        self.client("cloudformation").create_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **more,
        )
        return self.settled(stack)

    def settled(self, stack: str) -> str:
        """The state of a stack once nothing is in progress."""
        client = self.client("cloudformation")

        def state() -> str:
            found: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
            return "" if found.endswith("_IN_PROGRESS") else found

        return until(state, f"the end of {stack}'s operation")

    def outputs(self, stack: str) -> dict[str, str]:
        """A stack's outputs."""
        found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    def role(self, name: str, *statements: Mapping[str, Any], trust: Mapping[str, Any] = TRUST) -> str:
        """Make a role with a policy of these statements; returns its ARN."""
        iam = self.client("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        return arn

    def become(self, arn: str) -> Any:
        """A session of a role."""
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.Session(
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys["SessionToken"],
            region_name=self.aws.of("dev").region,
        )

    def function(
        self, name: str, code: str, role: str, packages: Mapping[str, bytes] | None = None, **more: Any
    ) -> str:
        """Make a function of this source, with `handler` in it, and files by their paths; returns its ARN."""
        made: str = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": archive(code, packages)},
            **{"Timeout": 10, **more},
        )["FunctionArn"]
        return made

    def invoke(self, name: str, payload: Any = None) -> Any:
        """What a function answers."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
        return json.loads(answer["Payload"].read())


def archive(code: str, packages: Mapping[str, bytes] | None = None) -> bytes:
    """A function's zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("index.py", code)
        for path, content in (packages or {}).items():
            made.writestr(path, content)
    return buffer.getvalue()
