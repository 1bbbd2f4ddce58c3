"""Secrets in any property but a function's environment, and in metadata or mappings."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source import secrets
from pipeline.source.located import Place, key_of, nodes
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.values import known, mentioned
from pipeline.source.violations import Violation, at_template

# What a Secret generates by itself, and where names speak of secrets without holding one.
_APART = {"Environment", "GenerateSecretString"}
# A database's first password as a dynamic reference is AWS's own way where RDS doesn't keep it itself: CloudFormation
# hands it on, and nothing shows it. Source: AWS CloudFormation user guide, "Get a secret from Secrets Manager".
_MASTERS = {
    "MasterUserPassword": (
        "AWS::DocDB::DBCluster",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::Redshift::Cluster",
    )
}
_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:[^{}]*(\$\{[^{}]*\}[^{}]*)*\}\}")
type Leaf = tuple[Place, str, Any]


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        yield from _properties(stack)
        for place, key, value in _metadata(stack):
            if isinstance(value, str) and (secrets.form(value) or (secrets.named(key) and value)):
                yield at_template(
                    stack, f"{place[0]} hold a secret under {key}", *place, fact=stack.document.path(*place)
                )


def _properties(stack: Stack) -> Iterator[Violation]:
    hidden = secrets.secret_parameters(stack)
    for name, body in stack.source["Resources"].items():
        for place, key, value in _leaves(body.get("Properties") or {}, ()):
            if _APART & set(map(str, place)) or body["Type"] == "AWS::SSM::Parameter":
                continue
            if body["Type"] in _MASTERS.get(key, ()) and _is_reference(stack, value):
                continue
            if why := _why(stack, key, value, hidden):
                yield at_template(
                    stack,
                    f"{key} {why}",
                    "Resources",
                    name,
                    "Properties",
                    *place,
                    fact=stack.document.path(*place),
                )


def _is_reference(stack: Stack, value: Any) -> bool:
    """Whether a value is a dynamic reference to a secret of Secrets Manager, and nothing else."""
    return _REFERENCE.fullmatch(str(stack.scope.resolve(value))) is not None


def _metadata(stack: Stack) -> Iterator[Leaf]:
    for section in ("Mappings", "Metadata"):
        yield from _leaves(stack.source.get(section) or {}, (section,))
    for name, body in stack.source["Resources"].items():
        yield from _leaves(body.get("Metadata") or {}, ("Resources", name, "Metadata"))


def _why(stack: Stack, key: str, value: Any, hidden: set[str]) -> str:
    if handed := sorted(mentioned(value) & hidden):
        return f"hands on the parameter {handed[0]}, which holds a secret"
    if isinstance(value, dict) and (why := secrets.form(" ".join(secrets.texts(value.get("Fn::Base64"))))):
        return why
    resolved = stack.scope.resolve(value)
    if not isinstance(resolved, str):
        return ""
    if why := secrets.form(resolved):
        return why
    if secrets.named(key) and key not in _SAFE and known(resolved) and not resolved.startswith(("arn:", "/")):
        return "is a secret in plain text"
    return ""


_SAFE = {"ServiceToken", "NextToken", "IdentityToken", "SecretId", "Secret", "GenerateStringKey"}


def _leaves(value: Any, place: Place) -> Iterator[Leaf]:
    """The values that stand for one text, an intrinsic function as a whole, with their place and key."""
    for at_place, one in nodes(value, place, whole=_is_function):
        if isinstance(one, str) or _is_function(one):
            yield at_place, _key(at_place), one


def _is_function(value: Any) -> bool:
    function = isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))
    return function and "Fn::If" not in value


def _key(place: Place) -> str:
    return key_of(tuple(step for step in place if not str(step).startswith("Fn::")))
