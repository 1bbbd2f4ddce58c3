"""What CloudFormation needs to make, change and delete a resource: IAM actions, and on which resources.

The actions are those of CloudFormation's registry, as cfn-lint ships it, in the folder that SANDBOX_SCHEMAS names.
"""

import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

type Properties = dict[str, Any]

_OPTIONAL: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "optional.toml").read_text("utf-8"))
_ROLES = ("Role", "ServiceRoleArn", "RoleArn", "CloudWatchRoleArn")  # properties that hand a role over
_KEYS = ("KmsKeyArn", "KmsKeyId", "KmsMasterKeyId")


@dataclass(frozen=True)
class Right:
    """An action, the resource that it is asked for, and the condition keys that come with it."""

    action: str
    resource: str = "*"
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """The resource that CloudFormation works on; `physical` is its id, or what its name will begin with."""

    kind: str
    physical: str
    properties: Properties

    def text(self, *names: str) -> str:
        """The first of these properties that is a text, else the physical id."""
        return next(
            (value for name in names if isinstance(value := self.properties.get(name), str)), self.physical
        )


def needed(operation: str, subject: Subject) -> Iterator[Right]:
    """The rights for `create`, `update` or `delete`."""
    if subject.kind.startswith("Custom::") or subject.kind == "AWS::CloudFormation::CustomResource":
        yield Right("lambda:InvokeFunction", str(subject.properties.get("ServiceToken", "*")))
        return
    for action in _actions(subject.kind, operation):
        serves = _OPTIONAL.get(action)
        if serves is None or any(name in subject.properties for name in serves):
            yield from _rights(action, subject)


@cache
def _actions(kind: str, operation: str) -> tuple[str, ...]:
    schemas = Path(os.environ["SANDBOX_SCHEMAS"])
    files = json.loads((schemas / "providers" / f"{get_region()}.json").read_text("utf-8"))
    if kind not in files:
        return ()
    schema = json.loads((schemas / "resources" / f"{files[kind]}.json").read_text("utf-8"))
    return tuple(schema.get("handlers", {}).get(operation, {}).get("permissions", ()))


def _rights(action: str, subject: Subject) -> Iterator[Right]:
    service = action.partition(":")[0]
    owner = subject.kind.split("::")[1].lower()
    if action == "iam:PassRole":
        to = {"iam:PassedToService": f"{owner}.amazonaws.com"}
        yield from (Right(action, role, to) for name in _ROLES if (role := subject.properties.get(name)))
    elif service == "iam":
        yield from (Right(action, *each) for each in _identities(subject))
    elif service == "kms":
        yield from (Right(action, *each) for each in _keys(subject, owner))
    elif service == "s3":
        code = subject.properties.get("Code") or {}
        if "S3Bucket" in code:
            yield Right(action, f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}")
    elif service == "codedeploy" and owner != "codedeploy":
        return  # an alias asks for it with an UpdatePolicy alone, and there is no CodeDeploy here
    else:
        yield Right(action, _arn(action, service, subject))


def _arn(action: str, service: str, subject: Subject) -> str:
    """The resource of an action in a service that names its resources."""
    here = f"{get_region()}:{get_account_id()}"
    match service:
        case "lambda":
            name = subject.text("FunctionName", "RotationLambdaARN")
            return name if name.startswith("arn:") else f"arn:aws:lambda:{here}:function:{name}"
        case "logs":
            every = action in {"logs:DescribeLogGroups", "logs:DescribeResourcePolicies"}
            return f"arn:aws:logs:{here}:log-group:{'*' if every else subject.text('LogGroupName')}"
        case "cloudwatch":
            name = "*" if action == "cloudwatch:DescribeAlarms" else subject.text("AlarmName")
            return f"arn:aws:cloudwatch:{here}:alarm:{name}"
        case "secretsmanager":
            if action == "secretsmanager:GetRandomPassword":
                return "*"
            name = subject.text("SecretId", "Name")
            return name if name.startswith("arn:") else f"arn:aws:secretsmanager:{here}:secret:{name}-"
        case "sqs":
            queues = subject.properties.get("Queues") or [subject.text("QueueName")]
            return f"arn:aws:sqs:{here}:{str(queues[0]).rpartition('/')[2]}"
        case "apigateway":
            api = subject.properties.get("RestApiId") or subject.physical
            made = action == "apigateway:POST" and subject.kind == "AWS::ApiGateway::RestApi"
            return f"arn:aws:apigateway:{get_region()}::/restapis{'' if made else f'/{api}'}"
        case "codedeploy":
            return _codedeploy(action, here, subject)
    return "*"


def _codedeploy(action: str, here: str, subject: Subject) -> str:
    application = subject.text("ApplicationName")
    if action == "codedeploy:GetDeploymentConfig":
        return f"arn:aws:codedeploy:{here}:deploymentconfig:CodeDeployDefault.AllAtOnce"
    if "Group" in action or action in {"codedeploy:CreateDeployment", "codedeploy:GetDeployment"}:
        return f"arn:aws:codedeploy:{here}:deploymentgroup:{application}/{subject.physical}"
    return f"arn:aws:codedeploy:{here}:application:{application}"


def _identities(subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    """The roles that an IAM action is about, each with its boundary."""
    if subject.kind == "AWS::IAM::Role":
        path = subject.properties.get("Path", "/")
        name = subject.text("RoleName")
        arn = f"arn:aws:iam::{get_account_id()}:role{path}{name}"
        yield arn, {"iam:PermissionsBoundary": subject.properties.get("PermissionsBoundary")}
        return
    for name in subject.properties.get("Roles") or ():
        role = iam._roles.get(str(name)) or {}
        arn = role.get("Arn", f"arn:aws:iam::{get_account_id()}:role/{name}")
        yield arn, {"iam:PermissionsBoundary": role.get("PermissionsBoundary")}


def _keys(subject: Subject, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys of a resource, and the service through which they are used."""
    via = {"kms:ViaService": f"{owner}.{get_region()}.amazonaws.com"}
    for name in _KEYS:
        if isinstance(subject.properties.get(name), str):
            yield _key(subject.properties[name]), via


def _key(name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{name}"
