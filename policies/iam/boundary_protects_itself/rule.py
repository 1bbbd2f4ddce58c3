"""Boundaries of the bootstrap that lack a denial which keeps them whole."""

from collections.abc import Iterator

from pipeline.iam.statements import BOUNDARY, Statement, is_everything, matches, statements
from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at, at_template

_EDITS = (
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
)
_REMOVALS = ("iam:DeleteRolePermissionsBoundary",)
_MAKING = tuple(
    f"iam:{name}"
    for name in (
        "CreateRole",
        "PutRolePolicy",
        "AttachRolePolicy",
        "PutRolePermissionsBoundary",
        "CreateUser",
    )
)
_PIPELINE = ("iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRole")
_NOT_EQUAL = ("StringNotEquals", "StringNotEqualsIfExists", "ArnNotEquals", "ArnNotEqualsIfExists")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.bootstrap:
        found = [one for one in statements(stack) if one.kind == BOUNDARY]
        boundaries = {one.resource.id: one.resource for one in found}
        if not boundaries:
            yield at_template(stack, "no policy of the bootstrap is a permissions boundary", "Resources")
        for boundary in boundaries.values():
            own = [one for one in found if one.resource.id == boundary.id and one.denies]
            name = str(boundary.get("ManagedPolicyName", default=boundary.id))
            for why in _gaps(own, name, _roles(project, stack.environment)):
                yield at(boundary, why, "PolicyDocument")


def _gaps(own: list[Statement], name: str, roles: tuple[str, ...]) -> Iterator[str]:
    """What the denials of a boundary leave open."""
    for action in (*_EDITS, *_REMOVALS):
        if not any(_flat(one, action, name) for one in own):
            yield f"{action} is not denied: what it bounds could change or shed it"
    for action in _MAKING:
        if not any(_unless_bound(one, action, name) for one in own):
            yield f"{action} is not denied without this boundary"
    for action in _PIPELINE:
        if not any(_on_pipeline(one, action, roles) for one in own):
            yield f"{action} is not denied on the pipeline's own roles"


def _flat(one: Statement, action: str, name: str) -> bool:
    if "Condition" in one.body or "NotAction" in one.body or not one.covers(action):
        return False
    if action in _REMOVALS:
        return any(is_everything(text) for text in one.resources)
    return any(
        is_everything(text) or text.endswith((f":policy/{name}", f":policy/*{name}"))
        for text in one.resources
    )


def _unless_bound(one: Statement, action: str, name: str) -> bool:
    if not one.covers(action) or "NotAction" in one.body or len(one.conditions) != 1:
        return False
    operator, keys = next(iter(one.conditions.items()))
    values = keys.get("iam:permissionsboundary", [])
    exact = len(values) == 1 and values[0].endswith(f":policy/{name}") and "*" not in values[0]
    return (
        operator in _NOT_EQUAL
        and len(keys) == 1
        and exact
        and any(is_everything(text) for text in one.resources)
    )


def _roles(project: Project, environment: Environment) -> tuple[str, ...]:
    """The names of the roles that deploy here: samconfig.toml's, else what the application calls them."""
    described = project.described
    named = (environment.table("pipeline").get("deploy_role"), environment.setting("role_arn"))
    usual = (described.deploy_role(environment.name), described.execution_role(environment.name))
    return tuple(str(arn or name).rpartition("/")[2] for arn, name in zip(named, usual, strict=True))


def _on_pipeline(one: Statement, action: str, roles: tuple[str, ...]) -> bool:
    covers = "Condition" not in one.body and "NotAction" not in one.body and one.covers(action)
    patterns = [text.rpartition(":role/")[2] for text in one.resources if ":role/" in text]
    return covers and all(any(matches(pattern, role) for pattern in patterns) for role in roles)
