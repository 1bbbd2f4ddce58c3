"""Identity policies that allow actions by pattern, by exclusion, or unknown ones."""

from collections.abc import Iterator

from pipeline.iam.statements import BOUNDARY, IDENTITY, TRUST, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.values import known
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if not one.allows or one.kind == TRUST:
                continue
            if why := _why(one):
                yield one.violation(why, "NotAction" if "NotAction" in one.body else "Action")
        for permission in stack.of_type("AWS::Lambda::Permission"):
            if "*" in (action := str(permission.get("Action"))):
                yield at(permission, f"{action} is a pattern of actions", "Action")


def _why(one: Statement) -> str:
    if "NotAction" in one.body:
        return "NotAction allows every action but those it names"
    if not one.actions:
        return "the statement names no action"
    if one.kind == BOUNDARY and any(is_everything(action) for action in one.actions):
        return "a boundary that takes in every action bounds nothing"
    for action in one.actions if one.kind == IDENTITY else ():
        if "*" in action or "?" in action:
            return f"{action} is a pattern of actions"
        if not known(action):
            return f"it can't be known which action {action} is"
    return ""
