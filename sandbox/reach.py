"""What runs in an environment, as its administrator sees it from outside of the pipeline."""

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from pipeline.ledger import client as ledger
from sandbox.aws import Aws


@dataclass(frozen=True)
class Reach:
    """One environment of a running sandbox."""

    aws: Aws
    environment: str

    @property
    def stack(self) -> str:
        """The application stack's name."""
        return f"esclusa-{self.environment}"

    @property
    def deploy_role(self) -> str:
        """The ARN of the deploy role."""
        return f"arn:aws:iam::{self.aws.account(self.environment)}:role/esclusa-{self.environment}-deploy"

    @property
    def url(self) -> str:
        """Where the API answers, as AWS names it."""
        return self.outputs()["ApiUrl"]

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        found = self.aws.client("cloudformation", self.environment).describe_stacks(StackName=self.stack)
        return {one["OutputKey"]: one["OutputValue"] for one in found["Stacks"][0]["Outputs"]}

    def get(self, path: str) -> dict[str, Any]:
        """The JSON behind a path of the API; for an error its status."""
        parts = urlsplit(self.url)
        asked = urllib.request.Request(  # noqa: S310 - always https, always loopback
            f"{self.aws.endpoint}{parts.path}{path}", headers={"Host": parts.netloc}
        )
        trust = ssl.create_default_context(cafile=str(self.aws.ca_bundle))
        try:
            with urllib.request.urlopen(asked, timeout=30, context=trust) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            return {"status": error.code}
        return found

    def code_digest(self) -> str:
        """The SHA-256 of the code that the live alias runs, in hex, read back from Lambda."""
        alias = self.outputs()["AppFunctionAlias"]
        function, _, qualifier = alias.rpartition(":")
        client = self.aws.client("lambda", self.environment)
        found = client.get_function(FunctionName=function, Qualifier=qualifier)
        return base64.b64decode(found["Configuration"]["CodeSha256"]).hex()

    def secret_arn(self) -> str:
        """The ARN of the application's database secret."""
        client = self.aws.client("cloudformation", self.environment)
        found = client.describe_stack_resource(StackName=self.stack, LogicalResourceId="DatabaseSecret")
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        answer = self.aws.client("secretsmanager", self.environment).describe_secret(SecretId=name)
        return str(answer["ARN"])

    def unexecuted(self) -> list[str]:
        """The names of change sets that somebody could still execute."""
        found = self.aws.client("cloudformation", self.environment).list_change_sets(StackName=self.stack)
        return [
            one["ChangeSetName"]
            for one in found["Summaries"]
            if one["ExecutionStatus"] in {"AVAILABLE", "UNAVAILABLE"}
        ]

    def deployments(self) -> list[Mapping[str, Any]]:
        """The ledger's deployments, newest first, read with the administrator's signature."""
        with mock.patch.dict(os.environ, self.aws.variables()):
            return ledger.latest(self.aws.session(self.environment), self.url)
