"""What AWS refuses for its size, and how large what a template makes of it becomes."""

import json
from typing import Any

from pipeline.source.functions import through_aliases
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import Hole, Partial, refers

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
SECTIONS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
INLINE_TEMPLATE, STORED_TEMPLATE = 51_200, 1_000_000  # bytes: in the request, and in a bucket of S3
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
RESOURCE_POLICY = 20_480  # bytes, of a function or of one of its aliases
VARIABLES = 4_096  # bytes, of all of a function's
UNPACKED = 250 * 1024**2  # bytes, of a function's code with its layers
UPLOADED = 50 * 1024**2  # bytes, of an archive that isn't uploaded by way of S3
_UNKNOWN = {"ApiGateway": 10, "ApiGatewayV2": 10}  # characters of an id that AWS makes up, by service
_LONG = 75  # of others: an ARN of KMS has as many


def resource_policies(stack: Stack) -> dict[str, tuple[int, int]]:
    """Of each function or alias that somebody may invoke, by logical id: the number of statements of its resource
    policy, and its size in bytes as Lambda keeps it."""
    found: dict[str, tuple[int, int]] = {}
    for one in stack.of_type("AWS::Lambda::Permission"):
        for target in sorted(refers(one.get("FunctionName"))):
            count, size = found.get(
                target, (0, len('{"Version":"2012-10-17","Id":"default","Statement":[]}'))
            )
            found[target] = (
                count + 1,
                size + len(json.dumps(_statement(stack, one, target), separators=(",", ":"))) + 1,
            )
    return found


def variables(function: Resource) -> int:
    """The bytes of a function's variables, names and values, as far as they are known."""
    return len(json.dumps(_filled(function.stack, function.get("Environment", "Variables", default={}))))


def _statement(stack: Stack, permission: Resource, target: str) -> dict[str, Any]:
    """A statement as AddPermission writes it; CloudFormation's id for it ends with twelve characters of its own."""
    names = [stack.resources[one].get("FunctionName") for one in through_aliases(stack, [target])]
    name = next((str(one) for one in names if one and not refers(one)), "x" * 40)
    principal = str(permission.get("Principal", default="*"))
    arns = {"AWS:SourceArn": _filled(stack, permission.get("SourceArn", default=""))}
    account = permission.get("SourceAccount")
    condition = ({"StringEquals": {"AWS:SourceAccount": str(account)}} if account else {}) | {"ArnLike": arns}
    function = f"arn:aws:lambda:{stack.environment.region}:{stack.environment.account}:function:{name}:alias"
    return {
        "Sid": f"{stack.environment.stack_name}-{permission.id}-{'x' * 12}",
        "Effect": "Allow",
        "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else {"AWS": principal},
        "Action": str(permission.get("Action", default="")),
        "Resource": function,
        "Condition": condition,
    }


def _filled(stack: Stack, value: Any) -> Any:
    """A resolved value with as many characters as AWS makes up in it."""
    if isinstance(value, Partial):
        return "".join("x" * _length(stack, part) if isinstance(part, Hole) else part for part in value.parts)
    if isinstance(value, dict):
        return {key: _filled(stack, item) for key, item in value.items()}
    return [_filled(stack, item) for item in value] if isinstance(value, list) else value


def _length(stack: Stack, hole: Hole) -> int:
    made = stack.resources.get(hole.name)
    return _UNKNOWN.get(made.type.split("::")[1], _LONG) if made is not None and not hole.attribute else _LONG
