"""Principals of other accounts, written into a template, and AWS principals that may assume a role."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import RESOURCE, TRUST, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_READING = re.compile(r"[a-z0-9-]+:(Get|List|Describe|Head)\w*\*?", re.IGNORECASE)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        accounts = {stack.environment.account or ""}
        for one in statements(stack):
            if one.allows and one.kind in (TRUST, RESOURCE):
                yield from _principals(project, stack, one)
        for resource in stack.of_type("AWS::Lambda::Permission", "AWS::Lambda::LayerVersionPermission"):
            name = str(resource.get("Principal", default=""))
            source = str(resource.get("SourceAccount", default=""))
            if found := _foreign(name, accounts) or _foreign(source, accounts):
                yield at(
                    resource,
                    f"{found} is not the account of {stack.environment.name}",
                    "Principal",
                    fact=found,
                )
            if "PrincipalOrgID" in resource.properties:
                yield at(
                    resource,
                    "every account of the organization may invoke it",
                    "PrincipalOrgID",
                    fact="PrincipalOrgID",
                )


def _principals(project: Project, stack: Stack, one: Statement) -> Iterator[Violation]:
    for kind, name in one.principals:
        if stack in project.application and _is_own_role(stack, name):
            continue
        if (
            name
            and not is_everything(name)
            and (why := _why(one, kind, name, {stack.environment.account or ""}))
        ):
            yield one.violation(why, "Principal", fact=f"{name}: {one.grant}")
        elif kind == "AWS" and (action := _changing(one, name)):
            yield one.violation(
                f"whoever a parameter names may not only read: {action}",
                "Action",
                fact=f"{name} by a parameter: {action}",
            )


def _is_own_role(stack: Stack, name: str) -> bool:
    """Whether a principal is a role that the same template makes, so that its rights are judged with it."""
    for role in refers(name) & {one.id for one in stack.of_type("AWS::IAM::Role")}:
        hole = re.escape(f"${{{role}}}")
        account = re.escape(stack.environment.account or "${AWS::AccountId}")
        if name == f"${{{role}.Arn}}" or re.fullmatch(
            rf"arn:aws[a-z-]*:iam::{account}:role/(\S+/)?{hole}", name
        ):
            return True
    return False


def _why(one: Statement, kind: str, name: str, accounts: set[str]) -> str:
    if one.kind == TRUST and kind not in ("Service", "Federated"):
        return f"{name} may assume the role"
    if kind == "CanonicalUser":
        return f"{name} is a user of an unknown account"
    found = _foreign(name, accounts) if kind == "AWS" else ""
    return f"{found} is another account" if found else ""


def _changing(one: Statement, name: str) -> str:
    """What a principal that only a parameter names may do besides reading; empty for one that the template names."""
    if refers(name) or is_everything(name) or _ACCOUNT.search(name):
        return ""
    return ", ".join(action for action in one.actions if not _READING.fullmatch(action))


def _foreign(name: str, accounts: set[str]) -> str:
    found = _ACCOUNT.search(name)
    return found[0] if found and found[0] not in accounts else ""
