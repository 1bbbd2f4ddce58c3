"""Managed policies of AWS, or of nobody known, on roles, users and groups."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

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
            for index, text in enumerate(texts(resource.get("ManagedPolicyArns"))):
                own = refers(text) and text == f"${{{next(iter(refers(text)))}}}"
                name = text.rpartition(":policy/")[2] or text
                known = name in _SMALL or name.rpartition("/")[2] in _SMALL_NAMES
                ours = text.startswith("arn:") and ":iam::aws:" not in text
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


_SMALL_NAMES = {name.rpartition("/")[2] for name in _SMALL}
