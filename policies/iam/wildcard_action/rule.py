"""Identity policies that allow actions by pattern, by exclusion, or unknown ones."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.iam.statements import BOUNDARY, IDENTITY, TRUST, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.values import known
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if not one.allows or one.kind == TRUST:
                continue
            for what, why in _faults(one):
                yield one.violation(why, "NotAction" if "NotAction" in one.body else "Action", fact=what)
        for permission in stack.of_type("AWS::Lambda::Permission"):
            if "*" in (action := str(permission.get("Action"))):
                yield at(permission, f"{action} is a pattern of actions", "Action", fact=action)


def _faults(one: Statement) -> Iterator[tuple[str, str]]:
    """What is wrong with the statement's actions, each with its fact."""
    if "NotAction" in one.body:
        yield (
            f"NotAction {', '.join(texts(one.body['NotAction']))}",
            ("NotAction allows every action but those it names"),
        )
    elif not one.actions:
        yield "no action", "the statement names no action"
    for action in one.actions:
        if one.kind == BOUNDARY and is_everything(action):
            yield "every action", "a boundary that takes in every action bounds nothing"
        elif one.kind == IDENTITY and ("*" in action or "?" in action):
            yield "every action" if is_everything(action) else action, f"{action} is a pattern of actions"
        elif one.kind == IDENTITY and not known(action):
            yield action, f"it can't be known which action {action} is"
