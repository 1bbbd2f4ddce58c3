"""iam:PassRole on too many roles, or to any service."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_SERVICES = {
    "cloudformation.amazonaws.com",
    "lambda.amazonaws.com",
    "codedeploy.amazonaws.com",
    "apigateway.amazonaws.com",
    "scheduler.amazonaws.com",
    "events.amazonaws.com",
    "states.amazonaws.com",
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if one.kind != IDENTITY or not one.allows or not one.covers("iam:PassRole"):
                continue
            for text in one.resources or ["*"]:
                name = text.rpartition(":role/")[2] if ":role/" in text else text
                if is_everything(name) or name.startswith("*") or re.fullmatch(r"[^/]*\*.*", name):
                    yield one.violation(
                        f"every role that fits {text} can be passed", "Resource", fact=f"every role of {text}"
                    )
            services = one.demanded("iam:PassedToService")
            if not services:
                yield one.violation(
                    "the roles can be passed to any service",
                    "Action",
                    fact=f"any service: {', '.join(one.resources)}",
                )
            for service in services:
                if service not in _SERVICES:
                    yield one.violation(f"roles can be passed to {service}", "Condition", fact=service)
