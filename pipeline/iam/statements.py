"""The policies in a stack, wherever they stand: identity, trust, resource and boundary policies."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.iam import authorization
from pipeline.iam.matching import action_like, includes, texts
from pipeline.source.located import Place, Step, nodes
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

# Actions that need Resource "*" beside those of which the service authorization reference says so: it has resource
# types for them, and the callers that a serverless application has (Lambda in a VPC, deployments) name none.
_NO_RESOURCES = (
    "ec2:describe*",
    "ec2:createnetworkinterface",
    "ec2:deletenetworkinterface",
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    "cloudwatch:describealarms",
)
_WILD = re.compile(r"[*?]")
# The six random characters behind a secret's name, which a policy can't know. Source: AWS Secrets Manager user guide,
# "Determine who has permissions to your secrets".
_ONE_SECRET = re.compile(r"arn:[^:*?]*:secretsmanager:[^:*?]*:[^:*?]*:secret:[^*?]+-\?{6}")
IDENTITY, TRUST, RESOURCE, BOUNDARY = "identity", "trust", "resource", "boundary"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; `place` is its path among the properties of `resource`."""

    resource: Resource
    place: Place
    body: dict[str, Any]
    kind: str
    document: Place = field(repr=False, default=())

    @property
    def allows(self) -> bool:
        return self.body.get("Effect") == "Allow"

    @property
    def denies(self) -> bool:
        return self.body.get("Effect") == "Deny"

    @property
    def actions(self) -> list[str]:
        return texts(self.body.get("Action"))

    @property
    def resources(self) -> list[str]:
        return texts(self.body.get("Resource"))

    @property
    def principals(self) -> list[tuple[str, str]]:
        """Who is named, as (AWS | Service | Federated | CanonicalUser, value); a bare "*" is ("AWS", "*")."""
        found = self.body.get("Principal")
        if isinstance(found, dict):
            return [(kind, one) for kind, values in found.items() for one in texts(values)]
        return [("AWS", one) for one in texts(found)]

    @property
    def conditions(self) -> dict[str, dict[str, list[str]]]:
        """The conditions as {operator: {key in lower case: values}}."""
        found = self.body.get("Condition")
        if not isinstance(found, dict):
            return {}
        return {
            operator: {str(key).lower(): texts(value) for key, value in keys.items()}
            for operator, keys in found.items()
            if isinstance(keys, dict)
        }

    @property
    def who(self) -> str:
        """Whom the statement names, for a fact."""
        return ", ".join(name for _, name in self.principals)

    @property
    def deeds(self) -> str:
        """What the statement lets be done, for a fact."""
        return _named(self.body, "Action")

    @property
    def grant(self) -> str:
        """What the statement lets be done, and with what, for a fact."""
        return " on ".join(filter(None, (self.deeds, _named(self.body, "Resource"))))

    def values(self, key: str, *operators: str) -> list[str]:
        """The values that conditions of these operators (or of all) demand of a key."""
        return [
            value
            for operator, keys in self.conditions.items()
            if not operators or operator in operators
            for value in keys.get(key.lower(), [])
        ]

    def demanded(self, key: str) -> list[str]:
        """The values of which a condition demands one, exactly: a pattern without * and ? is its own only match."""
        alike = self.values(key, "StringLike", "ArnLike", "ArnEquals")
        exact = [] if any(_WILD.search(value) for value in alike) else alike
        return self.values(key, "StringEquals") + exact

    def covers(self, action: str) -> bool:
        """Whether Action or NotAction takes in an action such as `iam:PassRole`."""
        if "NotAction" in self.body:
            return not any(action_like(action, one) for one in texts(self.body["NotAction"]))
        return any(action_like(action, one) for one in self.actions)

    def violation(self, message: str, *place: Step, fact: str) -> Violation:
        """A violation at a place of the statement, which is all that a resource may have of several."""
        return at(self.resource, message, *self.place, *place, fact=fact)


def _named(body: dict[str, Any], key: str) -> str:
    """The values of Action or Resource, or those that NotAction or NotResource leave out."""
    if key in body:
        return ", ".join(texts(body[key]))
    return f"all but {', '.join(texts(body[f'Not{key}']))}" if f"Not{key}" in body else ""


def knows_no_resources(action: str) -> bool:
    """Whether AWS accepts the action, or all that a pattern of actions takes in, with Resource "*" alone."""
    listed = any(includes(pattern, action.lower()) for pattern in _NO_RESOURCES)
    return listed or authorization.without_resources(action)


def is_one_secret(text: str) -> bool:
    """Whether a pattern takes in exactly one secret: its whole name, and six of any for what AWS puts behind it."""
    return _ONE_SECRET.fullmatch(text) is not None


def statements(stack: Stack) -> Sequence[Statement]:
    """Every statement of every policy in the stack: in any property, also in one that holds JSON as text."""
    found: tuple[Statement, ...] = stack.once("statements", lambda one: tuple(_statements(one)))
    return found


def _statements(stack: Stack) -> Iterator[Statement]:
    boundaries = _boundaries(stack)
    for resource in stack.resources.values():
        for place, document in _documents(resource.properties, ()):
            found = document["Statement"]
            for index, body in enumerate(found if isinstance(found, list) else [found]):
                if isinstance(body, dict):
                    at_place = (
                        (*place, "Statement", index) if isinstance(found, list) else (*place, "Statement")
                    )
                    yield Statement(resource, at_place, body, _kind(resource, place, body, boundaries), place)


def _boundaries(stack: Stack) -> set[str]:
    """The managed policies that serve as boundaries: named as one, or called so."""
    used = {name for one in stack.resources.values() for name in refers(one.get("PermissionsBoundary"))}
    called = {
        one.id
        for one in stack.of_type("AWS::IAM::ManagedPolicy")
        if "boundary" in f"{one.id} {one.get('ManagedPolicyName')}".lower()
    }
    return used | called


def _kind(resource: Resource, place: Place, body: dict[str, Any], boundaries: set[str]) -> str:
    if "AssumeRolePolicyDocument" in place:
        return TRUST
    if "Principal" in body or "NotPrincipal" in body:
        return RESOURCE
    return BOUNDARY if resource.id in boundaries else IDENTITY


def _documents(value: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    for at_place, one in nodes(value, place, whole=_is_document):
        if isinstance(one, str) and '"Statement"' in one:
            try:
                inner = json.loads(one)
            except json.JSONDecodeError:
                continue
            yield from _documents(inner, at_place)
        elif _is_document(one):
            yield at_place, one


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and _is_policy(value.get("Statement"))


def _is_policy(statements: Any) -> bool:
    """Whether a value is a policy's statements: those have an Effect, a web ACL's have none."""
    listed = statements if isinstance(statements, list) else [statements]
    return any(isinstance(one, dict) and "Effect" in one for one in listed)


def every_object(text: str, bucket: Resource) -> bool:
    """Whether a policy's resource is every object of the bucket: its ARN or name, then `/*`, and no prefix between."""
    name = bucket.get("BucketName")
    ends = [f"{bucket.id}.Arn}}/*", f"{bucket.id}}}/*"] + ([f":{name}/*"] if isinstance(name, str) else [])
    return is_everything(text) or text.endswith(tuple(ends))


def is_everything(text: str) -> bool:
    """Whether a pattern takes in all there is: *, ** or, as a part of an ARN, arn:*."""
    return (text != "" and set(text) <= set("*?:")) or text.lower() in ("arn:*", "arn:aws:*")
