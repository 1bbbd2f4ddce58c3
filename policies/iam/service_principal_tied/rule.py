"""Resource policies that let a service in for anybody: the confused deputy."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import RESOURCE, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at

_TIES = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "kms:viaservice", "kms:calleraccount")
_NO_API = re.compile(r"arn:aws[^:]*:execute-api:[^:]*:[^:]*:[*?].*")
_NO_ACCOUNT = re.compile(r"arn:aws[^:]*:[^:]*:[^:]*:\*?:.*")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            services = [name for kind, name in one.principals if kind == "Service"]
            if one.kind == RESOURCE and one.allows and services and not _tied(one):
                yield one.violation(
                    f"{services[0]} may act here for any account",
                    "Principal",
                    fact=f"{', '.join(services)}: {one.grant}",
                )
        for permission in stack.of_type("AWS::Lambda::Permission"):
            principal = str(permission.get("Principal", default=""))
            source = str(permission.get("SourceArn", default=""))
            tied = (source and not is_everything(source)) or permission.get("SourceAccount")
            if principal.removesuffix(".cn").endswith(".amazonaws.com") and not tied:
                yield at(
                    permission,
                    f"{principal} may invoke the function for any account",
                    "Principal",
                    fact=f"{principal} by {permission.id}",
                )
            elif _NO_ACCOUNT.fullmatch(source) and not permission.get("SourceAccount"):
                yield at(
                    permission, f"{source} names no account", "SourceArn", fact=f"{source} by {permission.id}"
                )
            elif _NO_API.fullmatch(source):
                yield at(
                    permission,
                    f"{source} lets every API of the account in",
                    "SourceArn",
                    fact=f"{source} by {permission.id}",
                )


def _tied(one: Statement) -> bool:
    operators = ("StringEquals", "ArnEquals", "ArnLike", "StringLike")
    keys = {key for operator in operators for key in one.conditions.get(operator, {})}
    values = [value for key in keys for value in one.values(key, *operators)]
    tied = any(key in _TIES or key.startswith("kms:encryptioncontext:") for key in keys)
    return tied and not any(is_everything(value) for value in values)
