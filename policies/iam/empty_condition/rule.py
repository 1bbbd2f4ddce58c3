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


# Actions on items, whose requests have the keys below whenever these mean something: AWS's own policies for rows and
# columns leave out what else could miss them, such as Scan. Source: Amazon DynamoDB developer guide, "Using IAM
# policy conditions for fine-grained access control".
_ON_ITEMS = frozenset(
    f"dynamodb:{name}"
    for name in (
        "batchgetitem",
        "batchwriteitem",
        "conditioncheckitem",
        "deleteitem",
        "getitem",
        "putitem",
        "query",
        "updateitem",
    )
)
_OF_ITEMS = {
    "forallvalues:": ("dynamodb:leadingkeys", "dynamodb:attributes"),
    "ifexists": ("dynamodb:select", "dynamodb:returnvalues"),
}
# Keys that are there only when somebody set a tag, so that a pattern of every value demands one. Source: IAM User
# Guide, "Use SAML session tags for ABAC".
_TAGS = ("aws:requesttag/", "aws:principaltag/")


def _why(one: Statement, operator: str, key: str, values: list[str]) -> str:
    lower = operator.lower()
    if lower in ("stringlike", "foranyvalue:stringlike") and key.startswith(_TAGS) and values == ["*"]:
        return ""
    if _is_of_items(one, lower, key):
        return ""
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


def _is_of_items(one: Statement, operator: str, key: str) -> bool:
    """Whether it is a condition on rows or columns of DynamoDB, of actions on items alone."""
    return any(
        (operator.startswith(word) or operator.endswith(word)) and key in keys and _acts_on_items(one)
        for word, keys in _OF_ITEMS.items()
    )


def _acts_on_items(one: Statement) -> bool:
    return bool(one.actions) and {action.lower() for action in one.actions} <= _ON_ITEMS
