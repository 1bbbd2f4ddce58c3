"""Conditions of Allow statements that hold for everything, or hold when their key is missing."""

from collections.abc import Iterator

from pipeline.iam.statements import Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            if not one.allows:
                continue
            for operator, keys in one.conditions.items():
                for key, values in keys.items():
                    if why := _why(one, operator, key, values):
                        yield one.violation(
                            f"{operator} on {key} {why}",
                            "Condition",
                            operator,
                            fact=f"{operator} {key} {', '.join(values)}: {one.grant}",
                        )


def _why(one: Statement, operator: str, key: str, values: list[str]) -> str:
    lower = operator.lower()
    if any(is_everything(value) for value in values) and "not" not in lower:
        return "holds for every value"
    if not values:
        return "has no value"
    demanded = any(value.lower() == "false" for value in one.values(key, "Null"))
    if lower.endswith("ifexists") and not demanded:
        return "holds when the key is missing"
    if lower.startswith("forallvalues:") and not demanded:
        return "holds when the key is missing or empty"
    if lower == "null" and any(value.lower() == "true" for value in values):
        return "demands that the key is missing"
    if "not" in lower.removeprefix("null"):
        return "allows everything but what it names"
    return ""
