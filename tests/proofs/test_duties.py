"""Each role does what it is for: every other call of AWS that any policy of the project names is refused to it."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest

from sandbox.accounts import account, pair
from tests.proofs import calls
from tests.proofs.deployed import Deployed, deployed
from tests.stacks import texts
from tests.waiting import until

pytestmark = [pytest.mark.proof, pytest.mark.marathon, pytest.mark.e2e]
type Statement = dict[str, Any]
ROLES = [
    "AppRole",
    "CodeDeployRole",
    "MigrateRole",
    "RotationRole",
    "api",
    "auditors",
    "deploy",
    "drift",
    "execution",
]

# What no call asks for alone, and where it is tried instead.
UNTRIED = {
    "execute-api:Invoke": "by unsigned and signed requests: tests/e2e/test_releases.py",
    "iam:PassRole": "asked beside another action: tests/sandbox/emulator/test_stacks.py",
}
ABSENT = (
    "codedeploy",
    "xray",
)  # the laptop's AWS has no such services: it refuses everybody, without a reason
# Of calls whose argument must be well-formed before anybody asks for rights: prod's bucket, somebody's log group.
FOREIGN = {
    "Bucket": account("prod").artifacts,
    "resourceArn": f"arn:aws:logs:{account('dev').region}:{account('dev').number}:log-group:/aws/lambda/other",
}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A release that serves in dev; prod's account beside it."""
    with deployed(tmp_path_factory.mktemp("duties"), pair()) as found:
        _ = found.team.auditor  # the role is there from now on
        yield found


def roles(dev: Deployed) -> dict[str, str]:
    """The roles of dev's account, the name of each by its short name."""
    found = [one["RoleName"] for one in dev.client("iam").list_roles()["Roles"]]
    return {name.removeprefix(f"{account('dev').settings.stack_name}-").split("-")[0]: name for name in found}


def policy(dev: Deployed, role: str) -> list[Statement]:
    """All statements that are on a role, those of its managed policies too."""
    iam = dev.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        known = iam.get_policy(PolicyArn=one["PolicyArn"])["Policy"]
        version = iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId=known["DefaultVersionId"])
        documents.append(version["PolicyVersion"]["Document"])
    return [statement for document in documents for statement in document["Statement"]]


def actions(statements: list[Statement]) -> set[str]:
    """The actions of statements that allow or deny, but for patterns."""
    return {
        action for one in statements for action in texts(one.get("Action", [])) if not action.endswith("*")
    }


def become(dev: Deployed, role: str) -> boto3.Session:
    """A session of a role; an administrator lets themselves in first, since it trusts a service or GitHub alone."""
    iam, number = dev.client("iam"), account("dev").number
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{number}:root"},
        "Action": "sts:AssumeRole",
    }
    iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    )
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    keys = dev.client("sts").assume_role(RoleArn=arn, RoleSessionName="proof")["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=account("dev").region
    )


def beyond(statements: list[Statement], action: str) -> bool:
    """Whether a call with a name that isn't the project's lies outside of what the statements allow."""
    mine = [one for one in statements if one["Effect"] == "Allow" and action in texts(one["Action"])]
    return all("esclusa" in resource for one in mine for resource in texts(one["Resource"]))


def let_in(dev: Deployed, role: str, known: set[str]) -> tuple[int, list[str]]:
    """How many calls beyond its duty were tried as a role, and those that were not refused."""
    statements, session = policy(dev, role), become(dev, role)
    client = partial(dev.box.aws.client, name="dev", session=session)
    tried = [
        one
        for one in sorted(known - UNTRIED.keys())
        if one.split(":")[0] not in ABSENT and beyond(statements, one)
    ]
    return len(tried), [one for one in tried if not calls.refused(client, one, FOREIGN)]


@pytest.fixture(scope="module")
def known(dev: Deployed) -> set[str]:
    """Every action that a policy of the project names."""
    return {action for role in roles(dev).values() for action in actions(policy(dev, role))}


def test_every_action_has_its_call(known: set[str]) -> None:
    """None is left out but those that are listed."""
    assert sorted(UNTRIED) == sorted(one for one in known if calls.operation(one) is None)


def test_no_role_goes_beyond_its_duty(dev: Deployed, known: set[str]) -> None:
    """As each role of the account: what its policies don't allow is refused."""
    found = roles(dev)
    results = {role: let_in(dev, name, known) for role, name in found.items()}
    print({role: count for role, (count, _) in results.items()})

    assert ROLES == sorted(found)
    assert {role: [] for role in found} == {role: wrong for role, (_, wrong) in results.items()}
    assert all(count > 100 for count, _ in results.values())


def test_one_right_too_many_is_found(dev: Deployed, known: set[str]) -> None:
    """Sabotage: the auditor may write parameters."""
    more = {"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [more]})
    before = policy(dev, "auditors")
    dev.client("iam").put_role_policy(RoleName="auditors", PolicyName="more", PolicyDocument=document)
    try:
        client = partial(dev.box.aws.client, name="dev", session=become(dev, "auditors"))
        assert beyond(before, "ssm:PutParameter")
        until(lambda: not calls.refused(client, "ssm:PutParameter", {}), "the new right")
    finally:
        dev.client("iam").delete_role_policy(RoleName="auditors", PolicyName="more")
    assert calls.refused(client, "ssm:PutParameter", {})
