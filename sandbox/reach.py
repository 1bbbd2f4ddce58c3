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
from pipeline.source.samconfig import Environment
from sandbox.aws import Aws


@dataclass(frozen=True)
class Reach:
    """One environment of a running sandbox."""

    aws: Aws
    environment: str

    @property
    def settings(self) -> Environment:
        """What samconfig.toml says of the environment."""
        return self.aws.of(self.environment).settings

    @property
    def stack(self) -> str:
        """The application stack's name."""
        return self.settings.stack_name

    @property
    def deploy_role(self) -> str:
        """The ARN of the deploy role."""
        return self.settings.deploy_role

    @property
    def url(self) -> str:
        """Where the API answers, as AWS names it."""
        return self.outputs()[self.settings.application.url]

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        found = self.aws.client("cloudformation", self.environment).describe_stacks(StackName=self.stack)
        return {one["OutputKey"]: one["OutputValue"] for one in found["Stacks"][0]["Outputs"]}

    def version(self) -> dict[str, Any]:
        """What the route of the version says."""
        return self.get(self.settings.application.version)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON behind a path of the API; for an error its status."""
        status, body = self._ask(path)
        if status >= 400:
            return {"status": status}
        found: dict[str, Any] = json.loads(body)
        return found

    def status(self, path: str) -> int:
        """The status that a path of the API answers with."""
        return self._ask(path)[0]

    def _ask(self, path: str) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        asked = urllib.request.Request(  # noqa: S310 - always https, always loopback
            f"{self.aws.endpoint}{parts.path}{path}", headers={"Host": parts.netloc}
        )
        trust = ssl.create_default_context(cafile=str(self.aws.ca_bundle))
        try:
            with urllib.request.urlopen(asked, timeout=30, context=trust) as answer:  # noqa: S310
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""

    def resources(self, kind: str) -> dict[str, str]:
        """The stack's resources of a type: their ids in AWS by their logical ids, in the stack's order."""
        pages = self.aws.client("cloudformation", self.environment).get_paginator("list_stack_resources")
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.stack)
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == kind
        }

    def code_digests(self) -> list[str]:
        """The SHA-256 of the code that each live alias runs, in hex, read back from Lambda."""
        client, digests = self.aws.client("lambda", self.environment), []
        for alias in self.resources("AWS::Lambda::Alias").values():
            function, _, qualifier = alias.rpartition(":")
            live = client.get_function(FunctionName=function, Qualifier=qualifier)
            digests.append(base64.b64decode(live["Configuration"]["CodeSha256"]).hex())
        return digests

    def secret_arns(self) -> list[str]:
        """The ARNs of the stack's secrets."""
        client = self.aws.client("secretsmanager", self.environment)
        names = self.resources("AWS::SecretsManager::Secret").values()
        return [str(client.describe_secret(SecretId=name)["ARN"]) for name in names]

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
