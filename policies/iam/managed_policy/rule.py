"""Managed policies of AWS, or of nobody known, on roles, users and groups."""

from collections.abc import Iterator

from pipeline.gate.iam import (
    texts,
)
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at
from pipeline.gate.values import refers

_SMALL = {
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs",  # API Gateway refuses less
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",  # SAM adds it to the roles that it makes
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.of_type("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"):
            for text in texts(resource.get("ManagedPolicyArns")):
                own = refers(text) and text == f"${{{next(iter(refers(text)))}}}"
                name = text.rpartition(":policy/")[2] or text
                if not own and name not in _SMALL and name.rpartition("/")[2] not in _SMALL_NAMES:
                    yield at(resource, f"{resource.id} carries {name}", "ManagedPolicyArns")


_SMALL_NAMES = {name.rpartition("/")[2] for name in _SMALL}
