"""Principals of other accounts, written into a template, and AWS principals that may assume a role."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import RESOURCE, TRUST, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_READING = re.compile(r"[a-z0-9-]+:(Get|List|Describe|Head)\w*\*?", re.IGNORECASE)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        accounts = {stack.environment.account or ""}
        for one in statements(stack):
            if not one.allows or one.kind not in (TRUST, RESOURCE):
                continue
            for kind, name in one.principals:
                if name and not is_everything(name) and (why := _why(one, kind, name, accounts)):
                    yield one.violation(why, "Principal", fact=f"{name}: {one.grant}")
                elif kind == "AWS" and (action := _changing(one, name)):
                    yield one.violation(
                        f"whoever a parameter names may not only read: {action}",
                        "Action",
                        fact=f"{name} by a parameter: {action}",
                    )
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
