"""What CloudFormation needs to make, change and delete a resource: IAM actions, and on which resources.

The actions are those of CloudFormation's registry, as cfn-lint ships it, in the folder that SANDBOX_SCHEMAS names; the
resources of services that have no words of their own here are those of AWS's service authorization reference.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, secretsmanager

from pipeline.iam import authorization
from sandbox.emulator import encryption

type Properties = dict[str, Any]

_OPTIONAL: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "optional.toml").read_text("utf-8"))
_ROLES = ("Role", "ServiceRoleArn", "RoleArn", "CloudWatchRoleArn")  # properties that hand a role over
# What the platform is made of: each action of these types is asked for, save for what optional.toml says.
_PLATFORM = ("apigateway", "cloudwatch", "codedeploy", "iam", "lambda", "logs", "secretsmanager", "sqs")
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


def resolving(service: str, body: str) -> Right:
    """The right to resolve {{resolve:SERVICE:BODY}}.

    Source: "Get values stored in other services using dynamic references" in CloudFormation's user guide.
    """
    here = f"{get_region()}:{get_account_id()}"
    if service != "secretsmanager":
        return Right(
            "ssm:GetParameters", f"arn:aws:ssm:{here}:parameter/{body.partition(':')[0].lstrip('/')}"
        )
    name = ":".join(body.split(":")[:7]) if body.startswith("arn:") else body.partition(":")[0]
    _, secret = secretsmanager._resolve(name)
    unknown = name if name.startswith("arn:") else f"arn:aws:secretsmanager:{here}:secret:{name}-??????"
    return Right("secretsmanager:GetSecretValue", str(secret["ARN"]) if secret else unknown)


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
    if owner not in _PLATFORM and service not in ("iam", "kms", "s3") and not _serves(service, subject):
        return
    if action == "iam:PassRole":
        to = {"iam:PassedToService": f"{owner}.amazonaws.com"}
        yield from (Right(action, role, to) for name in _ROLES if (role := subject.properties.get(name)))
    elif service == "iam":
        yield from _of_identities(action, subject)
    elif service == "kms":
        yield from _keys(action, subject, owner)
    elif service == "s3" and owner != "s3":
        code = subject.properties.get("Code") or {}
        if "S3Bucket" in code:
            of_version = "S3ObjectVersion" in code and action == "s3:GetObject"
            asked = "s3:GetObjectVersion" if of_version else action
            yield Right(asked, f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}")
    elif service == "codedeploy" and owner != "codedeploy":
        return  # an alias asks for it with an UpdatePolicy alone: `aliased`
    elif authorization.without_resources(action):
        yield Right(action)
    else:
        yield Right(action, _arn(action, service, subject))


def _arn(action: str, service: str, subject: Subject) -> str:
    """The resource of an action in a service that names its resources."""
    here = f"{get_region()}:{get_account_id()}"
    match service:
        case "lambda":
            name = subject.text("FunctionName", "RotationLambdaARN")
            arn = name if name.startswith("arn:") else f"arn:aws:lambda:{here}:function:{name}"
            qualified = all(arn.count(":") < one.count(":") for one in _patterns(action))
            return f"{arn}:{subject.properties.get('Name', '1')}" if qualified else arn
        case "logs":
            # As the reference is read: a group with what is in it, save for tags.
            arn = f"arn:aws:logs:{here}:log-group:{subject.text('LogGroupName')}"
            return arn if any(authorization.meets(arn, one) for one in _patterns(action)) else f"{arn}:*"
        case "cloudwatch":
            name = "*" if action == "cloudwatch:DescribeAlarms" else subject.text("AlarmName")
            return f"arn:aws:cloudwatch:{here}:alarm:{name}"
        case "secretsmanager":
            name = subject.text("SecretId", "Name")
            return name if name.startswith("arn:") else f"arn:aws:secretsmanager:{here}:secret:{name}-??????"
        case "sqs":
            queues = subject.properties.get("Queues") or [subject.text("QueueName")]
            return f"arn:aws:sqs:{here}:{str(queues[0]).rpartition('/')[2]}"
        case "apigateway":
            api = subject.properties.get("RestApiId") or subject.physical
            made = action == "apigateway:POST" and subject.kind == "AWS::ApiGateway::RestApi"
            return f"arn:aws:apigateway:{get_region()}::/restapis{'' if made else f'/{api}'}"
        case "codedeploy":
            return _codedeploy(action, here, subject)
    return _by_reference(action, here, subject)


def _serves(service: str, subject: Subject) -> bool:
    """Whether the resource has to do with a service: it is its own, or a property is named after it. What handlers
    call of others serves optional properties, such as KinesisStreamSpecification of a table."""
    deleting = [one.partition(":")[0] for one in _actions(subject.kind, "delete")]
    own = max(dict.fromkeys(deleting), key=deleting.count, default=service)
    return service == own or any(service in name.lower() for name in subject.properties)


def _by_reference(action: str, here: str, subject: Subject) -> str:
    """The resource as the reference writes it, with the type's own name in it. The registry may know an action before
    the reference: that one is about what the others of the type are about."""
    word, service = subject.kind.rpartition("::")[2], action.partition(":")[0]
    if not authorization.arns(action):
        others = (one for one in _actions(subject.kind, "create") if one.startswith(f"{service}:"))
        action = next((one for one in others if any(_patterns(one))), action)
    patterns = _patterns(action)
    if not patterns or subject.physical.startswith("arn:"):
        return subject.physical if patterns else "*"
    own = f"${{{word}Name}}"
    pattern = min([one for one in patterns if own in one] or patterns, key=len)
    _, _, of, region, _, rest = pattern.split(":", 5)
    own = own if own in rest else f"${{{rest.rpartition('${')[2]}"
    kind = own.strip("${}").removesuffix("Name")  # a bucket's policy names its bucket as `Bucket`
    name = subject.text(f"{word}Name", "Name", f"{kind}Name", kind)
    named = rest.replace(own, name.removeprefix("/") if "WithoutLeadingSlash" in own else name)
    where = here if region else ":"  # S3's have neither region nor account
    return f"arn:aws:{of}:{where}:{re.sub(r'[$][{][^}]+[}]', 'default', named)}"


def _patterns(action: str) -> list[str]:
    """The ARN patterns on which AWS judges an action; none for one that it judges on nothing."""
    if authorization.without_resources(action):
        return []
    return [one for arns in authorization.arns(action).values() for one in arns]


def _codedeploy(action: str, here: str, subject: Subject) -> str:
    application = subject.text("ApplicationName")
    if action == "codedeploy:GetDeploymentConfig":
        return f"arn:aws:codedeploy:{here}:deploymentconfig:CodeDeployDefault.AllAtOnce"
    if "Group" in action or action.endswith(("Deployment", "Deployments")):
        return f"arn:aws:codedeploy:{here}:deploymentgroup:{application}/{subject.physical}"
    return f"arn:aws:codedeploy:{here}:application:{application}"


def aliased(application: str, group: str) -> Iterator[Right]:
    """What CloudFormation needs to have CodeDeploy move an alias."""
    here = f"{get_region()}:{get_account_id()}"
    subject = Subject("AWS::CodeDeploy::DeploymentGroup", group, {"ApplicationName": application})
    for action in _actions("AWS::Lambda::Alias", "update"):
        if action.startswith("codedeploy:"):
            resource = "*" if authorization.without_resources(action) else _codedeploy(action, here, subject)
            yield Right(action, resource)


def _of_identities(action: str, subject: Subject) -> Iterator[Right]:
    """An action on the roles and policies that it can be for: some handlers are about groups as well."""
    for arn, context in _identities(subject):
        if any(authorization.meets(arn, one) for one in _patterns(action)):
            known = {key: value for key, value in context.items() if authorization.has_key(action, key)}
            yield Right(action, arn, known)


def _identities(subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an IAM action is about: roles, each with its boundary, and a policy."""
    if subject.kind == "AWS::IAM::Role":
        path = subject.properties.get("Path", "/")
        name = subject.text("RoleName")
        arn = f"arn:aws:iam::{get_account_id()}:role{path}{name}"
        yield arn, {"iam:PermissionsBoundary": subject.properties.get("PermissionsBoundary")}
        return
    if subject.kind == "AWS::IAM::ManagedPolicy":
        path, name = subject.properties.get("Path", "/"), subject.text("ManagedPolicyName")
        yield f"arn:aws:iam::{get_account_id()}:policy{path}{name}", {}
    for name in subject.properties.get("Roles") or ():
        role = iam._roles.get(str(name)) or {}
        arn = role.get("Arn", f"arn:aws:iam::{get_account_id()}:role/{name}")
        yield arn, {"iam:PermissionsBoundary": role.get("PermissionsBoundary")}


def _keys(action: str, subject: Subject, owner: str) -> Iterator[Right]:
    """An action on the keys of a resource, through its service, and in the encryption context of the resource."""
    context = {"kms:ViaService": f"{owner}.{get_region()}.amazonaws.com"}
    if owner == "lambda":
        arn = _arn("lambda:GetFunction", "lambda", subject)
        context["kms:EncryptionContext:aws:lambda:FunctionArn"] = arn
    known = {key: value for key, value in context.items() if authorization.has_key(action, key)}
    for name in _KEYS:
        if isinstance(subject.properties.get(name), str):
            yield Right(action, encryption.arn(subject.properties[name]), known)
