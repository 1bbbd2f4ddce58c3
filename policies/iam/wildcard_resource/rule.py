"""Identity policies that allow an action on all resources of a kind, though it knows resources."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, is_everything, is_one_secret, knows_no_resources, statements
from pipeline.source.project import Project
from pipeline.source.values import holes
from pipeline.source.violations import Violation

# What stands before a name in the resource part of an ARN.
_KINDS = re.compile(
    r"^(secret|function|role|policy|user|stack|parameter|log-group|alarm|table|queue|topic|key|alias|changeset"
    r"|application|deploymentgroup|layer|rule|instance-profile|oidc-provider)[:/]?",
    re.IGNORECASE,
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if one.kind != IDENTITY or not one.allows:
                continue
            if "NotResource" in one.body:
                yield one.violation(
                    "NotResource allows every resource but those it names", "NotResource", fact=one.grant
                )
                continue
            bound = [action for action in one.actions if not knows_no_resources(action)]
            if not bound:
                continue
            for index, text in enumerate(one.resources):
                if _is_wide(text, bound):
                    why = f"{bound[0]} on {text} reaches more than this environment's own"
                    yield one.violation(why, "Resource", index, fact=f"{', '.join(bound)} on {text}")


def _is_wide(text: str, actions: list[str]) -> bool:
    if is_everything(text):
        return True
    if is_one_secret(text):
        return False
    parts = text.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return "*" in text and not holes(text)
    if "*" in parts[2] or "?" in parts[2] or "*" in parts[4] or "?" in parts[4]:
        return True
    if parts[2] == "execute-api":
        # The API's id is AWS's choice, so stage, method and path are what can be named.
        _, stage, method, path = (*parts[5].split("/", 3), "*", "*", "*")[:4]
        return "*" in stage or "*" in method or path == "*"
    if parts[2] == "rds-db":
        return "*" in parts[5] or "?" in parts[5]  # one user of one database, both by name
    if parts[2] == "apigateway":
        return re.fullmatch(r"/?\**", parts[5]) is not None
    # What stands behind a whole name are that name's own parts: a group's streams, a stack's changes.
    name = re.sub(r"(?<=[^*?:/])[:/]\*$", "", _KINDS.sub("", parts[5]))
    first = re.split(r"[*?]", name, maxsplit=1)[0]
    wild = "*" in name or "?" in name
    return wild and len(first.strip(":/")) < 3
