"""Managed policies of AWS, or of nobody known, on roles, users and groups."""

import json
from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_SMALL = {
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs",  # API Gateway refuses less
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",  # SAM adds it to the roles that it makes
}


# What SAM adds to the role that it makes for a function with such an event; without it Lambda can't read the source.
_BY_EVENTS = {
    "service-role/AWSLambdaDynamoDBExecutionRole",
    "service-role/AWSLambdaKinesisExecutionRole",
    "service-role/AWSLambdaMSKExecutionRole",
    "service-role/AWSLambdaSQSQueueExecutionRole",
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"):
            for index, text in enumerate(texts(resource.get("ManagedPolicyArns"))):
                own = refers(text) and text == f"${{{next(iter(refers(text)))}}}"
                name = text.rpartition(":policy/")[2] or text
                known = name in _SMALL or name.rpartition("/")[2] in _SMALL_NAMES
                ours = text.startswith("arn:") and ":iam::aws:" not in text
                if name in _BY_EVENTS and _is_added(resource, name):
                    continue
                if not own and (not known or ours):
                    yield at(resource, f"{resource.id} carries {name}", "ManagedPolicyArns", index, fact=name)
        for resource in stack.of_type("AWS::SSO::PermissionSet"):
            for text in texts(resource.get("ManagedPolicies")):
                yield at(
                    resource,
                    f"{resource.id} carries {text.rpartition(':policy/')[2]}",
                    "ManagedPolicies",
                    fact=text.rpartition(":policy/")[2],
                )


def _is_added(role: Resource, name: str) -> bool:
    """Whether the transform gave its own role the policy, and the function's Policies don't ask for it."""
    if role.id == role.source:
        return False
    stack = role.stack
    written = dig(stack.source, "Resources", role.source, "Properties", "Policies", default=[])
    return name.rpartition("/")[2] not in json.dumps(stack.scope.resolve(written), default=str)


_SMALL_NAMES = {name.rpartition("/")[2] for name in _SMALL}
