"""Templates over CloudFormation's limits, and names that services refuse."""

import json
import re
from collections.abc import Iterator

from pipeline.iam import grants
from pipeline.source.project import BOOTSTRAP, Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import known
from pipeline.source.violations import Violation, at, at_template

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_MOST = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
# The bootstrap is handed over as a text, an application's template through S3 (the same page).
_INLINE, _BY_S3 = 51_200, 1_048_576
# What API Gateway and others may do with a function stands in one policy of at most 20 KB, a statement an event:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_FUNCTION_POLICY = 20_480
_UNKNOWN = "x" * 12  # such as an API's id, and what CloudFormation adds to a name
_NAMES: dict[str, tuple[str, str]] = {
    "AWS::Lambda::Function": ("FunctionName", r"[A-Za-z0-9_-]{1,64}"),
    "AWS::S3::Bucket": ("BucketName", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "AWS::IAM::Role": ("RoleName", r"[\w+=,.@-]{1,64}"),
    "AWS::SQS::Queue": ("QueueName", r"[A-Za-z0-9_-]{1,80}"),
    "AWS::SNS::Topic": ("TopicName", r"[A-Za-z0-9_-]{1,256}"),
    "AWS::Logs::LogGroup": ("LogGroupName", r"[\w#/.-]{1,512}"),
}


def _strange(resource: Resource) -> str:
    """A character that IAM refuses in a description: it takes Latin-1 alone."""
    text = resource.get("Description", default="") if resource.type.startswith("AWS::IAM::") else ""
    return next((one for one in str(text) if one > "\u00ff"), "")


def _too_much(stack: Stack) -> Iterator[Violation]:
    for section, most in _MOST.items():
        if len(stack.section(section)) > most:
            yield at_template(stack, f"the template has more than {most} {section}", section, fact=section)
    for resource, why in grants.too_long(stack):
        yield at(resource, f"{resource.id}: {why}", fact="its size")


def _too_large(project: Project) -> Iterator[Violation]:
    for file in sorted({stack.document.file for stack in project.stacks}):
        size, most = len(project.files[file]), _INLINE if file == BOOTSTRAP else _BY_S3
        if size > most:
            yield Violation(f"the template has {size} bytes, and AWS takes {most}", file, 1, fact="its size")


def _too_many_callers(stack: Stack) -> Iterator[Violation]:
    """Functions whose policy outgrows what Lambda takes: by the permissions that events become."""
    sizes: dict[str, int] = {}
    first: dict[str, Resource] = {}
    for one in stack.of_type("AWS::Lambda::Permission"):
        function = str(one.get("FunctionName"))
        first.setdefault(function, one)
        sizes[function] = sizes.get(function, len(_ENVELOPE)) + _statement(stack, one)
    for function, size in sizes.items():
        if size > _FUNCTION_POLICY:
            said = (
                f"the events of {function} make a policy of more than {_FUNCTION_POLICY} bytes: share routes"
            )
            yield at(first[function], said, fact=f"the policy of {function}")


_ENVELOPE = '{"Version":"2012-10-17","Id":"default","Statement":[]}'


def _statement(stack: Stack, permission: Resource) -> int:
    """How long the statement is that a permission becomes, in Lambda's form."""
    name = str(stack.environment.setting("stack_name") or _UNKNOWN)
    conditions = {
        "ArnLike": {"AWS:SourceArn": permission.get("SourceArn", default="")},
        "StringEquals": {"AWS:SourceAccount": permission.get("SourceAccount", default="")},
    }
    statement = {
        "Sid": f"{name}-{permission.id}-{_UNKNOWN}",
        "Effect": "Allow",
        "Principal": {"Service": permission.get("Principal")},
        "Action": permission.get("Action"),
        "Resource": f"arn:aws:lambda:eu-central-1:111111111111:function:{permission.get('FunctionName')}",
        "Condition": {key: one for key, one in conditions.items() if any(one.values())},
    }
    return (
        len(re.sub(r"\$\{[^}]*\}", _UNKNOWN, json.dumps(statement, default=str, separators=(",", ":")))) + 1
    )


def check(project: Project) -> Iterator[Violation]:
    yield from _too_large(project)
    for stack in project.stacks:
        yield from _too_much(stack)
        yield from _too_many_callers(stack)
        seen: dict[tuple[str, str], str] = {}
        for resource in stack.resources.values():
            if strange := _strange(resource):
                text = f"IAM takes no {strange!r} in a description"
                yield at(resource, text, "Description", fact=f"Description {strange!r}")
            if resource.type not in _NAMES:
                continue
            key, pattern = _NAMES[resource.type]
            name = resource.get(key)
            if not isinstance(name, str) or not known(name):
                continue
            if not re.fullmatch(pattern, name):
                yield at(resource, f"{key} {name} is not a name that AWS accepts", key, fact=key)
            other = seen.setdefault((resource.type, name), resource.id)
            if other != resource.id:
                yield at(
                    resource,
                    f"{resource.id} and {other} are both called {name}",
                    key,
                    fact=f"{key} of {other}",
                )
