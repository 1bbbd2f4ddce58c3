"""Statements that let a role read secrets by pattern, or the API's function read foreign ones."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, Statement, is_one_secret, statements
from pipeline.source.functions import functions, role_of, served
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import Partial, refers
from pipeline.source.violations import Violation

_READ = tuple(
    f"secretsmanager:{name}" for name in ("GetSecretValue", "BatchGetSecretValue", "PutSecretValue")
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        public = {role.id for role in map(role_of, _served(stack)) if role is not None}
        own = {one.id for one in stack.of_type("AWS::SecretsManager::Secret")}
        for one in statements(stack):
            if one.kind != IDENTITY or not one.allows or not any(one.covers(action) for action in _READ):
                continue
            holders = {one.resource.id} | refers(one.resource.get("Roles", default=[]))
            for text in one.resources or ["*"]:
                if re.search(r"[*?]", text) and not is_one_secret(text):
                    yield one.violation(
                        f"{text} takes in more than one secret", "Resource", fact=f"{one.deeds} on {text}"
                    )
            if public & holders and not _names_only(one, own):
                yield one.violation(
                    "the function behind the API may read a foreign secret",
                    "Resource",
                    fact=f"foreign: {one.grant}",
                )


def _names_only(one: Statement, own: set[str]) -> bool:
    """Whether each resource of the statement is a reference to one of `own`."""
    found = one.body.get("Resource")
    values = found if isinstance(found, list) else [found]
    return all(isinstance(value, Partial) and refers(value) and refers(value) <= own for value in values)


def _served(stack: Stack) -> Iterator[Resource]:
    names = served(stack)
    for function in functions(stack):
        if function.id in names:
            yield function
