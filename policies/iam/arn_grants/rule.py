"""ARNs in policies that none of their statement's actions can meet, and actions that meet none of the ARNs."""

import re
from collections.abc import Iterator

from pipeline.iam import authorization
from pipeline.iam.matching import like
from pipeline.iam.statements import RESOURCE, TRUST, Statement, is_everything, statements
from pipeline.source import registry
from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.values import Hole, Partial, known
from pipeline.source.violations import Violation

# What an edge location or a distribution uses lies in us-east-1, wherever the stack is.
_EDGE = ("acm", "lambda", "wafv2")
# The reference has no resource types either for some that do take one: codedeploy:StopDeployment, logs:Describe...
_FOR_ALL = (
    "cloudwatch:putmetricdata",
    "ec2:describenetworkinterfaces",
    "ec2:describesecuritygroups",
    "ec2:describesubnets",
    "ec2:describevpcs",
    "kms:generaterandom",
    "kms:listaliases",
    "kms:listkeys",
    "lambda:listfunctions",
    "s3:listallmybuckets",
    "secretsmanager:getrandompassword",
    "secretsmanager:listsecrets",
    "ssm:describeparameters",
    "sts:getcalleridentity",
    "xray:puttelemetryrecords",
    "xray:puttracesegments",
)
_SECRET = re.compile(r"arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:.*-[a-z]{6}")
_PARAMETER = re.compile(r"arn:[^:]*:ssm:[^:]*:[^:]*:parameter(?P<name>/.*)")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if one.kind != TRUST and "Resource" in one.body:
                yield from _of(one, stack.environment)


def _of(one: Statement, environment: Environment) -> Iterator[Violation]:
    allowed = {action: authorization.arns(action) for action in one.actions}
    patterns = {each for found in allowed.values() for arns in found.values() for each in arns}
    judged = bool(allowed) and all(allowed.values())  # the reference may be older than an action
    sound = True
    for index, text in enumerate(one.resources):
        if _is_open(one, text):
            continue
        why = _misplaced(text, environment)
        if not why and judged and not any(authorization.meets(text, each) for each in patterns):
            why = f"is nothing that {', '.join(one.actions[:3])} can be for"
        if why:
            sound = False
            yield one.violation(f"{text} {why}", "Resource", index, fact=text)
    for action, found in allowed.items() if sound and one.allows else ():
        if _is_for_all(action):
            if not any(is_everything(text) for text in one.resources):
                yield one.violation(
                    f'{action} knows no resource but "*"', "Resource", fact=f"{action} on a resource"
                )
        elif found and not any(
            _reaches(one, text, arns) for text in one.resources for arns in found.values()
        ):
            yield one.violation(
                f"{action} can be for none of the statement's resources", "Resource", fact=action
            )


def _is_for_all(action: str) -> bool:
    """Whether the action can be for `*` alone: the reference has no resource for it, and AWS refuses it any other."""
    return action.lower() in _FOR_ALL and authorization.without_resources(action)


def _is_open(one: Statement, text: str) -> bool:
    """Whether a resource may be anything: everything there is, or what only AWS knows."""
    begins_open = isinstance(text, Partial) and isinstance(text.parts[0] or text.parts[1], Hole)
    own = one.kind == RESOURCE and text.startswith("execute-api:/")  # API Gateway fills in the rest
    return is_everything(text) or begins_open or own


def _reaches(one: Statement, text: str, arns: tuple[str, ...]) -> bool:
    return _is_open(one, text) or any(authorization.meets(text, each) for each in arns)


def _misplaced(text: str, environment: Environment) -> str:
    """What is wrong with an ARN whatever the action; empty for nothing."""
    parts = text.split(":", 5)
    if parts[0] != "arn":
        return "is no ARN"
    if len(parts) < 6:
        return "" if text.endswith("*") else "lacks a part: arn:partition:service:region:account:resource"
    _, partition, service, region, account, _ = parts
    own = registry.partition(environment.region)
    if known(partition) and not like(own, partition):
        return f"lies in the partition {partition or '(none)'}, and {environment.region} in {own}"
    at_edge = service in _EDGE and region == "us-east-1"
    if known(region) and region and not at_edge and not like(environment.region, region):
        return f"lies in {region}, and the stack in {environment.region}"
    if known(account) and not re.fullmatch(r"\d{12}|aws|[\d?]*\*[\d?*]*|[\d?]{12}|", account):
        return f"has {account!r} for an account, which has twelve digits"
    if (name := _PARAMETER.fullmatch(text)) and "//" in name["name"]:
        return "has two slashes: the name's own first one is left out after `parameter`"
    if _SECRET.fullmatch(text) and known(text):
        return "ends in a word: the six random characters at the end of a secret's ARN are missing"
    return ""
