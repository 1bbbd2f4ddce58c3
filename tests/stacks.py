"""The templates and samconfig.toml as these tests read them: parsed, expanded by SAM, intrinsics resolved."""

import json
import os
import re
import tomllib
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from pipeline.source import application, expansion

ROOT = Path(__file__).resolve().parents[1]
NO_VALUE = {"Ref": "AWS::NoValue"}

# What an administrator would answer beside the application's name; the ids are those of a made-up repository.
BOOTSTRAP_ANSWERS = {
    "GitHubOwner": "acme",
    "GitHubRepository": "ledger",
    "GitHubOwnerId": "1001",
    "GitHubRepositoryId": "2002",
    "DatabaseHost": "db.example.com",
    "DatabasePort": "5432",
    "DatabaseName": "ledger",
    "DatabaseAdminSecretArn": "arn:aws:secretsmanager:xx-test-1:000000000001:secret:rds-master-AbCdEf",
}


@cache
def source(path: str) -> dict[str, Any]:
    """A template of the repository, parsed, its intrinsics in their long form; to be read, not changed."""
    parsed: dict[str, Any] = yaml_parse((ROOT / path).read_text())
    return parsed


@cache
def samconfig() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


# Those that samconfig.toml deploys. sam itself falls back to a table [default], which none may have.
ENVIRONMENTS = tuple(
    name
    for name, table in samconfig().items()
    if isinstance(table, dict) and name != "default" and "deploy" in table
)


def settings(environment: str, command: str) -> dict[str, Any]:
    """The parameters that samconfig.toml gives sam, or the pipeline, for one environment and command."""
    found: dict[str, Any] = samconfig()[environment][command]["parameters"]
    return found


def prefix(environment: str) -> str:
    """What the names of an environment begin with: its stack's name."""
    return str(settings(environment, "global")["stack_name"])


def name_of_application() -> str:
    """What every name in the accounts begins with."""
    return application.read(ROOT).name


def region(environment: str) -> str:
    return str(settings(environment, "global")["region"])


def account(environment: str) -> str:
    return str(settings(environment, "pipeline")["account"])


def overrides(environment: str) -> list[tuple[str, str]]:
    """The parameters of the application stack in their order, without the quotes that sam takes off."""
    pairs = [text.split("=", 1) for text in settings(environment, "deploy")["parameter_overrides"]]
    return [(name, value.removeprefix('"').removesuffix('"')) for name, value in pairs]


def pseudo(environment: str) -> dict[str, str]:
    return {
        "AWS::Partition": "aws",
        "AWS::Region": region(environment),
        "AWS::AccountId": account(environment),
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": prefix(environment),
    }


@cache
def expanded(environment: str, **changed: str) -> dict[str, Any]:
    """The application template as SAM expands it for an environment, some parameters changed. Not to be changed."""
    template = deepcopy(source("template.yaml"))
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):  # SAM expands uploaded code only
            resource["Properties"]["CodeUri"] = "s3://bucket/packages/code.zip"
    values = {**dict(overrides(environment)), **pseudo(environment), **changed}
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": region(environment)}), expansion.quick():
        found: dict[str, Any] = transform(template, values, SimpleNamespace(load=dict))
    return found


@cache
def bootstrap(environment: str, **answers: str) -> dict[str, Any]:
    """The resources of the bootstrap template for one environment, as far as parameters decide them."""
    template = source("bootstrap/template.yaml")
    values = {
        name: parameter["Default"]
        for name, parameter in template["Parameters"].items()
        if "Default" in parameter
    }
    values |= {"Name": name_of_application(), "Environment": environment, **BOOTSTRAP_ANSWERS}
    values |= {**pseudo(environment), **answers}
    return resources(template, values)


def resources(template: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """Every resource that exists with these parameter values, its intrinsics resolved where they can be.

    What only a deployment knows stays a text such as `<DataKey.Arn>`.
    """
    conditions = template.get("Conditions", {})
    lists = {n for n, p in template["Parameters"].items() if p["Type"] == "CommaDelimitedList"}
    scope = _Scope({n: v.split(",") if n in lists else v for n, v in values.items()}, conditions)
    return {
        name: scope.resolve(resource)
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or scope.holds(resource["Condition"])
    }


# What AWS makes of a resource: its ARN, the property that has its name, and what !Ref gives, both with that name.
_MADE = {
    "AWS::IAM::ManagedPolicy": ("iam::{account}:policy/{name}", "ManagedPolicyName", ""),
    "AWS::IAM::Role": ("iam::{account}:role/{name}", "RoleName", "{name}"),
    "AWS::KMS::Key": ("kms:{region}:{account}:key/{name}", "", "{name}"),
    "AWS::Lambda::Function": ("lambda:{region}:{account}:function:{name}", "FunctionName", "{name}"),
    "AWS::Logs::LogGroup": ("logs:{region}:{account}:log-group:{name}:*", "LogGroupName", "{name}"),
    "AWS::S3::Bucket": ("s3:::{name}", "BucketName", "{name}"),
    "AWS::SNS::Topic": ("sns:{region}:{account}:{name}", "TopicName", ""),
    "AWS::SQS::Queue": (
        "sqs:{region}:{account}:{name}",
        "QueueName",
        "https://sqs.{region}/{account}/{name}",
    ),
    "AWS::SecretsManager::Secret": ("secretsmanager:{region}:{account}:secret:{name}-AbCdEf", "Name", ""),
}


def made(stack: dict[str, Any], environment: str) -> dict[str, Any]:
    """A stack's resources with what AWS makes of each in place of `<Name.Arn>` and `<Name>`, where it has an ARN."""
    text = json.dumps(stack)
    for name, resource in stack.items():
        if resource["Type"] in _MADE:
            form, named, reference = _MADE[resource["Type"]]
            words = {
                "account": account(environment),
                "region": region(environment),
                "name": resource["Properties"].get(named, name),
            }
            arn = f"arn:aws:{form.format(**words)}"
            for end, value in ((".Arn", arn), (".Id", arn), ("", reference.format(**words) or arn)):
                text = text.replace(f"<{name}{end}>", value)
    found: dict[str, Any] = json.loads(text)
    return found


class _Scope:
    def __init__(self, values: dict[str, Any], conditions: dict[str, Any]) -> None:
        self.values = values
        self.conditions = conditions

    def holds(self, name: str) -> bool:
        return bool(self.resolve(self.conditions[name]))

    def resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.resolve(item) for item in node if not self._vanishes(item)]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (key, value), *_ = node.items()
            function = getattr(self, "_" + key.removeprefix("Fn::").lower(), None)
            if function is not None and (key == "Ref" or key.startswith("Fn::")):
                return function(value)
        return {key: self.resolve(value) for key, value in node.items() if not self._vanishes(value)}

    def _vanishes(self, node: Any) -> bool:
        if isinstance(node, dict) and "Fn::If" in node:
            condition, yes, no = node["Fn::If"]
            return self._vanishes(yes if self.holds(condition) else no)
        return bool(node == NO_VALUE)

    def _ref(self, name: str) -> Any:
        return self.values.get(name, f"<{name}>")

    def _getatt(self, path: list[str]) -> str:
        return f"<{'.'.join(path)}>"

    def _sub(self, value: str | list[Any]) -> str:
        text, own = (value, {}) if isinstance(value, str) else (value[0], self.resolve(value[1]))
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: str(own.get(match[1], self._ref(match[1]))), text)

    def _join(self, parts: list[Any]) -> str:
        separator, items = parts
        return str(separator).join(self.resolve(items))

    def _if(self, parts: list[Any]) -> Any:
        condition, yes, no = parts
        return self.resolve(yes if self.holds(condition) else no)

    def _equals(self, pair: list[Any]) -> bool:
        left, right = (self.resolve(side) for side in pair)
        return bool(left == right)

    def _not(self, parts: list[Any]) -> bool:
        return not self.resolve(parts[0])


def statements(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The statements of a role's inline policies, one after the other."""
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def texts(value: str | list[str]) -> list[str]:
    """IAM's 'a text or a list of texts', as a list."""
    return [value] if isinstance(value, str) else value
