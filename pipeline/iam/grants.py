"""What the bootstrap grants for the resource types of policies/settings.toml: to deployments, and to functions.

The execution role of bootstrap/template.yaml is written by hand for the types of PLATFORM. For other types the actions
are those which CloudFormation's registry names (handlers.*.permissions), and the resources those on which AWS's service
authorization reference says that they are judged: of the application's own names, where AWS lets one choose a name.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.iam import authorization
from pipeline.source import registry
from pipeline.source.located import Document, Place
from pipeline.source.settings import DEPLOYMENT_ACTIONS, FILE, ROLE_ACTIONS, TYPES
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import Hole, Partial, refers

COMMAND = "bin/pipeline bootstrap --write"

# Types for which the statements that are written by hand are enough: what API, functions, their roles, logs, alarms,
# secrets, dead letters and gradual deployments are made of.
PLATFORM = frozenset(
    f"AWS::{kind}"
    for kind in (
        *("ApiGateway::Deployment", "ApiGateway::RestApi", "ApiGateway::Stage", "CloudWatch::Alarm"),
        *("CodeDeploy::Application", "CodeDeploy::DeploymentGroup", "IAM::Policy", "IAM::Role"),
        *("Lambda::Alias", "Lambda::Function", "Lambda::Permission", "Lambda::Version", "Logs::LogGroup"),
        *("SQS::Queue", "SQS::QueuePolicy", "SecretsManager::RotationSchedule", "SecretsManager::Secret"),
    )
)
# Whoever may make these can give himself any other right, or what bounds him another shape.
_BY_NOBODY = ("account", "cloudformation", "iam", "kms", "organizations", "sso", "sts")
_SHARED = ("iam", "kms")  # services whose actions the handlers of other types name, with a condition here
_FEW = "us-east-1"  # the region with the most types

# IAM and AWS STS quotas: characters of a managed policy, and of all inline policies of a role, blanks not counted.
MANAGED, INLINE = 6144, 10240
_UNKNOWN = 100  # characters that a name or ARN of AWS's making is counted as; those of KMS have 75

_BEGIN = re.compile(rf"^( *)# From {re.escape(FILE)}, by `{re.escape(COMMAND)}`:\n", re.MULTILINE)
_END = "# Until here.\n"
_ACTION = re.compile(
    r"[a-z0-9-]+:[A-Z][A-Za-z0-9]*"
)  # the registry also names what is none, s3:REST.PUT.OBJECT
_OWN = "${Name}-${Environment}-*"
# The key that the bootstrap makes, and one that was given to take its place.
_KEYS = ("!GetAtt DataKey.Arn", "!If [HasOtherKey, !Ref DataKeyArn, !Ref AWS::NoValue]")


@dataclass(frozen=True)
class Fault:
    """Why a setting can't be taken as it is written."""

    place: Place
    message: str


@dataclass(frozen=True)
class Grants:
    """What an application needs beside the platform: `types` in its stack, and actions that no list names.

    `deployment_actions` are for what an optional property of a type needs of another service; `role_actions` is what
    the roles of its functions may do with it all.
    """

    types: tuple[str, ...] = ()
    deployment_actions: tuple[str, ...] = ()
    role_actions: tuple[str, ...] = ()

    def covers(self, kind: str) -> bool:
        """Whether a deployment may make resources of the type."""
        custom = kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
        return custom or kind in PLATFORM or kind in self.types


def read(document: Document | None) -> tuple[Grants, list[Fault]]:
    """What the settings say, and all that can't be taken. Without a file there is nothing beside the platform."""
    data = document.data if document is not None else {}
    faults: list[Fault] = []
    lists = {}
    for key, why in ((TYPES, _why_not_type), (DEPLOYMENT_ACTIONS, _why_not), (ROLE_ACTIONS, _why_not)):
        value = data.get(key, [])
        texts = value if isinstance(value, list) else [value]
        if not isinstance(value, list):
            faults.append(Fault((key,), f"{key} is not a list"))
        for index, one in enumerate(texts):
            wrong = why(one) if isinstance(one, str) else "is not a text"
            wrong = wrong or ("stands there twice" if one in texts[:index] else "")
            if wrong:
                faults.append(Fault((key, index), f"{key}: {one!r} {wrong}"))
        lists[key] = tuple(one for one in texts if isinstance(one, str))
    return Grants(lists[TYPES], lists[DEPLOYMENT_ACTIONS], lists[ROLE_ACTIONS]), faults


def _why_not_type(kind: str) -> str:
    if kind in PLATFORM:
        return "is granted without being listed"
    if not registry.is_known(kind, _FEW):
        return "is no type of CloudFormation's registry"
    if not registry.permissions(kind):
        return "has no permissions in CloudFormation's registry: write its statements by hand"
    for service in (kind.split("::")[1].lower(), _service(kind)):
        if service in _BY_NOBODY:
            return f"would let a deployment work on {service}, which an administrator alone does"
    missing = f"needs {_service(kind)}, whose actions the service authorization reference lacks"
    known = any(map(authorization.arns, _own_actions(kind)))
    return "" if known else f"{missing}: write its statements by hand"


def _why_not(action: str) -> str:
    service = action.partition(":")[0].lower()
    if "*" in action or "?" in action:
        return "is a pattern; name the actions"
    if not authorization.arns(action):
        return "is no action of the service authorization reference"
    return "is an administrator's" if service in _BY_NOBODY else ""


# The statements -------------------------------------------------------------------------------------------


def written(bootstrap: str, grants: Grants) -> str:
    """The bootstrap's template with the statements of these grants. Raises ConfigurationError where it has no place."""
    places = list(_BEGIN.finditer(bootstrap))
    if len(places) != 2:
        raise ConfigurationError(
            f"bootstrap/template.yaml has {len(places)} places for what {FILE} grants; it has two.",
            "Take the comments `# From ...:` and `# Until here.` back, in the execution role and in the boundary.",
        )
    result, end = "", 0
    for place, statements in zip(places, (_execution(grants), _boundary(grants)), strict=True):
        indent = place[1]
        close = bootstrap.find(indent + _END, place.end())
        if close < 0:
            raise ConfigurationError(
                f"bootstrap/template.yaml: nothing ends what begins with {place[0].strip()!r}.",
                f"Take the comment `{_END.strip()}` back, with the same indentation.",
            )
        block = "".join(f"{indent}{line}\n" for statement in statements for line in statement)
        result += bootstrap[end : place.end()] + block
        end = close
    return result + bootstrap[end:]


def _execution(grants: Grants) -> Iterator[list[str]]:
    actions = {*grants.deployment_actions, *(one for kind in grants.types for one in _own_actions(kind))}
    yield from _both("MakeMore", sorted(actions), grants.types)
    handed = [kind for kind in grants.types if "iam:PassRole" in registry.permissions(kind)]
    if handed:
        services = [f"{service}.amazonaws.com" for service in dict.fromkeys(map(_service, handed))]
        roles = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Name}-${Environment}/*"
        condition = ["Condition:", "  StringEquals:", *_listed("iam:PassedToService", services, "    ")]
        yield _rows("HandRolesToMore", ["iam:PassRole"], [roles], condition)
    encrypting = [kind for kind in grants.types if any(map(_encrypts, registry.permissions(kind)))]
    if encrypting:
        keyed = sorted({one for kind in encrypting for one in registry.permissions(kind) if _encrypts(one)})
        services = list(dict.fromkeys(map(_service, encrypting)))
        vias = [f"!Sub {one}.${{AWS::Region}}.amazonaws.com" for one in services]
        condition = ["Condition:", "  StringEquals:", *_listed("kms:ViaService", vias, "    ")]
        yield _rows("EncryptThroughMore", keyed, _KEYS, condition)


def _boundary(grants: Grants) -> Iterator[list[str]]:
    actions = {*grants.deployment_actions, *(one for kind in grants.types for one in _own_actions(kind))}
    services = sorted({one.partition(":")[0] for one in actions})
    if services:
        role = "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Name}-${Environment}-execution"
        condition = ["Condition:", "  ArnEquals:", f"    aws:PrincipalArn: {role}"]
        yield _rows("LetExecutionRoleManageMore", [f"{one}:*" for one in services], ["*"], condition)
    yield from _both("UseMore", sorted(grants.role_actions), grants.types)


def _both(sid: str, actions: Sequence[str], kinds: Iterable[str]) -> Iterator[list[str]]:
    """A statement for what is judged on resources, and one for what is judged on none."""
    on_all = [one for one in actions if authorization.without_resources(one)]
    on_some = [one for one in actions if one not in on_all]
    if on_some:
        resources = _widest(one for action in on_some for one in _resources(action, kinds))
        yield _rows(sid, on_some, resources or ["*"])
    if on_all:
        yield _rows(f"{sid}Anywhere", on_all, ["*"])


def _rows(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: Sequence[str] = ()
) -> list[str]:
    """A statement as it is written in YAML, a row each."""
    shown = [_shown(one) for one in resources]
    body = ["Effect: Allow", *_listed("Action", actions), *_listed("Resource", shown), *condition]
    return [f"- Sid: {sid}", *(f"  {row}" for row in body)]


def _listed(key: str, values: Sequence[str], indent: str = "") -> list[str]:
    if len(values) == 1:
        return [f"{indent}{key}: {values[0]}"]
    return [f"{indent}{key}:", *(f"{indent}  - {value}" for value in values)]


def _shown(resource: str) -> str:
    if resource == "*":
        return '"*"'
    return resource if resource.startswith("!") else f"!Sub {resource}"


def _own_actions(kind: str) -> list[str]:
    """The actions of a type's own service that its handlers name. The registry may know some before the reference."""
    return [
        action
        for action in registry.permissions(kind)
        if action.partition(":")[0].lower() == _service(kind) and _ACTION.fullmatch(action)
    ]


@cache
def _service(kind: str) -> str:
    """The service of a type, by the actions that its handlers name: the calls of others serve optional properties.

    It is called like the type's namespace, or else its actions name the type, or else it is the one that is called
    most when a resource is deleted.
    """
    namespace, word = (part.lower() for part in kind.split("::")[1:3])
    actions = [one.lower() for one in registry.permissions(kind)]
    deleting = [one.lower().partition(":")[0] for one in registry.permissions(kind, "delete")]
    services = {one.partition(":")[0] for one in actions}

    def likely(service: str) -> tuple[bool, int, int, str]:
        naming = sum(one.startswith(f"{service}:") and word in one for one in actions)
        return service.replace("-", "") == namespace, naming, deleting.count(service), service

    return max(services - set(_SHARED) or services, key=likely, default="")


def _encrypts(action: str) -> bool:
    """Whether an action works with a key through a service, as whose request it says so: kms:ListAliases is judged on
    no key, and kms:RetireGrant is the grant's own to allow."""
    return action.startswith("kms:") and authorization.has_key(action, "kms:ViaService") is True


def _resources(action: str, kinds: Iterable[str]) -> list[str]:
    """The resources of an action that bear the application's names; none for one that the reference lacks."""
    service = action.partition(":")[0].lower()
    words = [kind.rpartition("::")[2].lower() for kind in kinds if service == _service(kind)]
    arns = [one for patterns in authorization.arns(action).values() for one in patterns]
    arns = [one for one in arns if one.split(":")[2] == service] or arns
    # These take in each type of the service, of which only those count that the stack has.
    if "Tag" in action or service == "apigateway":
        arns = [
            one for one in arns if any(word in re.sub(r"[^a-z]", "", one.lower()) for word in words)
        ] or arns
    return [_own(arn, words) for arn in arns]


def _own(arn: str, words: Sequence[str]) -> str:
    """The ARN pattern of the reference with the application's names in it: in the place of the name of one of the
    types (`words`), else of the first name. Of ids that AWS makes up it is all there are."""
    service, names = arn.split(":", 5)[:5], re.split(r"\$\{([^}]+)\}", arn.split(":", 5)[5])
    texts, variables = names[::2], names[1::2]
    of_types = [
        at
        for at, variable in enumerate(variables)
        if "Name" in variable and any(word in variable.lower() for word in words)
    ]
    chosen = next((at for at, variable in enumerate(variables) if at in of_types), 0)
    named = bool(variables) and "Name" in variables[chosen]
    account = (
        ":".join(service).replace("${Partition}", "${AWS::Partition}").replace("${Region}", "${AWS::Region}")
    )
    rest = "*".join(texts[: chosen + 1]) + ((_OWN if named else "*") if variables else "")
    return f"{account.replace('${Account}', '${AWS::AccountId}')}:{rest}"


def _widest(resources: Iterable[str]) -> list[str]:
    """The patterns, without those that another takes in."""
    unique = sorted(set(resources))
    return [
        one
        for one in unique
        if not any(
            other != one and other.endswith("*") and one.startswith(other.removesuffix("*"))
            for other in unique
        )
    ]


# Limits ---------------------------------------------------------------------------------------------------


def too_long(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The managed policies and roles of a stack whose documents IAM would refuse, each with why."""
    for resource, size, most in sizes(stack):
        if size > most:
            yield resource, f"its policies have {size} characters, of which IAM takes {most}"


def sizes(stack: Stack) -> Iterator[tuple[Resource, int, int]]:
    """Each managed policy and role of a stack, with the characters of its documents, and how many IAM takes."""
    for resource in stack.resources.values():
        if resource.type == "AWS::IAM::ManagedPolicy":
            size, most = _size(resource.get("PolicyDocument")), MANAGED
        elif resource.type == "AWS::IAM::Role":
            attached = [
                policy.properties
                for policy in stack.of_type("AWS::IAM::Policy")
                if resource.id in refers(policy.get("Roles", default=[]))
            ]
            inline = [one for one in resource.get("Policies", default=[]) or [] if isinstance(one, dict)]
            size, most = sum(_size(one.get("PolicyDocument")) for one in inline + attached), INLINE
        else:
            continue
        yield resource, size, most


def _size(value: Any) -> int:
    return len(json.dumps(_filled(value), separators=(",", ":")))


def _filled(value: Any) -> Any:
    """A resolved value with what AWS makes up in it."""
    if isinstance(value, Partial):
        return "".join("x" * _UNKNOWN if isinstance(part, Hole) else part for part in value.parts)
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list) else value
