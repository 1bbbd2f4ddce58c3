"""What the deploy role and the execution role may do: each right is needed, or listed with the reason why it stays."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.base.run import Completed
from sandbox.accounts import account, pair
from tests.iam import decide
from tests.proofs.deployed import Deployed, deployed
from tests.proofs.releases import Releases
from tests.stacks import texts
from tests.waiting import until

pytestmark = [pytest.mark.proof, pytest.mark.marathon, pytest.mark.e2e]
type Statement = dict[str, Any]
type Right = tuple[str, str]  # a statement's Sid and one of its actions

_UNTAG = "asked when a tag is taken away"
_READ = "of the registry's handlers that read a resource, which AWS calls beside the others"
_KEPT = "the resource outlives the stack; asked when its creation is rolled back"
_CHANGED = "asked when a release changes this of a resource"

# What the story does not ask for, each with the reason why it stays.
_NETWORK = "asked of functions in a VPC: tests/proofs/test_day_two.py"
BEYOND: dict[str, dict[Right, str]] = {
    "deploy": {
        ("DriveOwnStack", "cloudformation:DeleteChangeSet"): "asked when a change set is refused",
        ("DriveOwnStack", "cloudformation:DescribeEvents"): "asked when a deployment fails",
        ("DriveOwnStack", "cloudformation:DescribeStackEvents"): "asked when a deployment fails",
        ("DriveOwnStack", "cloudformation:GetTemplateSummary"): "asked by `sam deploy`, run by hand",
        (
            "ReadDeployTimeValues",
            "ssm:GetParameters",
        ): "AWS may resolve a change set's SSM values as its maker",
        (
            "UseServerlessTransform",
            "cloudformation:CreateChangeSet",
        ): "AWS asks for the transform; the emulator does not",
    },
    "execution": {
        ("DeadLetters", "sqs:DeleteQueue"): _KEPT,
        ("DeadLetters", "sqs:UntagQueue"): _UNTAG,
        ("FunctionCode", "s3:GetObject"): "asked of code without a version, as `sam deploy` brings it",
        ("FunctionNetwork", "ec2:DescribeNetworkInterfaces"): _NETWORK,
        ("FunctionNetwork", "ec2:DescribeSecurityGroups"): _NETWORK,
        ("FunctionNetwork", "ec2:DescribeSubnets"): _NETWORK,
        ("FunctionNetwork", "ec2:DescribeVpcs"): _NETWORK,
        ("FunctionRoles", "iam:UpdateAssumeRolePolicy"): _CHANGED,
        ("FunctionRoles", "iam:UpdateRole"): _CHANGED,
        ("FunctionRoles", "iam:UpdateRoleDescription"): _CHANGED,
        ("FunctionRolesWithinBoundary", "iam:PutRolePermissionsBoundary"): _CHANGED,
        ("Functions", "lambda:GetFunctionScalingConfig"): _READ,
        ("Functions", "lambda:GetPolicy"): _READ,
        ("GradualDeployments", "codedeploy:ListTagsForResource"): _READ,
        ("Logs", "logs:AssociateKmsKey"): _CHANGED,
        ("Logs", "logs:DeleteLogGroup"): _KEPT,
        ("Logs", "logs:DeleteRetentionPolicy"): _CHANGED,
        ("Logs", "logs:DisassociateKmsKey"): _CHANGED,
        ("Logs", "logs:ListTagsForResource"): _READ,
        ("Logs", "logs:UntagResource"): _UNTAG,
        ("Secret", "secretsmanager:DeleteSecret"): _KEPT,
        ("Secret", "secretsmanager:UntagResource"): _UNTAG,
        ("Secret", "secretsmanager:UpdateSecret"): _CHANGED,
    },
}


# Given here and by another policy, so that taking one away is not felt.
TWICE = {
    (
        "deploy",
        "SignEvidence",
    ): "the key's own policy names the role as well; either is enough within an account"
}
# Asked for with each look at a function; what comes of it only the drift check reads, before a release to prod.
UNREAD = {("deploy", "ReadBackVariables"): "without it the drift check says that variables can't be told"}


@dataclass(frozen=True)
class Asked:
    """A right that a role asked for and got, with the condition keys in lower case."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Story:
    """Releases through dev to prod, with all that was asked of IAM on the way."""

    dev: Deployed

    @property
    def length(self) -> int:
        """How many decisions there were so far."""
        return len(self.dev.box.aws.trail.read_text().splitlines())

    def asked(self, environment: str, role: str, since: int = 0) -> set[Asked]:
        """What a role asked for since a decision, and was allowed."""
        mark = f":assumed-role/{account(environment).settings.stack_name}-{role}/"
        lines = self.dev.box.aws.trail.read_text().splitlines()[since:]
        return {
            Asked(
                one["action"],
                one["resource"],
                tuple(
                    (key.lower(), value) for key, value in one["context"].items() if isinstance(value, str)
                ),
            )
            for one in map(json.loads, lines)
            if mark in one["principal"] and one["decision"] == "Allow"
        }

    def policy(self, environment: str, role: str) -> list[Statement]:
        """The statements of a role, as they are in its account."""
        iam = self.dev.box.aws.client("iam", environment)
        found = iam.get_role_policy(
            RoleName=f"{account(environment).settings.stack_name}-{role}", PolicyName=role
        )
        statements: list[Statement] = found["PolicyDocument"]["Statement"]
        return statements

    def put(self, environment: str, role: str, statements: list[Statement]) -> None:
        """Give a role these statements."""
        self.dev.box.aws.client("iam", environment).put_role_policy(
            RoleName=f"{account(environment).settings.stack_name}-{role}",
            PolicyName=role,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    @contextmanager
    def without(self, environment: str, role: str, sid: str) -> Iterator[None]:
        """A role lacks one statement for a while."""
        whole = self.policy(environment, role)
        self.put(environment, role, [one for one in whole if one["Sid"] != sid])
        try:
            yield
        finally:
            self.put(environment, role, whole)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Two releases in dev and in prod, the first one put back, compared, looked at; and prod's stack deleted."""
    with deployed(tmp_path_factory.mktemp("rights"), pair()) as dev:
        team = dev.team
        expect(0, team.release("v1.0.0"))
        expect(0, team.bring_to_dev("v1.1.0"))
        expect(0, team.release("v1.1.0"))
        expect(0, team.pipeline("prod", "rollback", "prod", "v1.0.0"))
        expect(0, team.pipeline("prod", "drift", "prod"))
        expect(0, team.pipeline("prod", "status", "prod"))
        expect(0, team.pipeline("prod", "passport", "v1.1.0"))
        stacks = dev.box.aws.client("cloudformation", "prod")
        stacks.delete_stack(
            StackName=account("prod").settings.stack_name,
            RoleARN=account("prod").settings.execution_role,
        )
        until(lambda: statuses(stacks)[-1:] in ([], ["DELETE_COMPLETE"]), "the deletion of prod's stack")
        yield Story(dev)


def expect(status: int, done: Completed) -> None:
    """A step of the story ends with this status."""
    assert done.status == status, done.stdout + done.stderr


def statuses(stacks: Any) -> list[str]:
    """The states of prod's stack, gone or not."""
    found = stacks.list_stacks()["StackSummaries"]
    return [one["StackStatus"] for one in found if one["StackName"] == account("prod").settings.stack_name]


def needed(policy: Iterable[Statement], asked: Iterable[Asked]) -> set[Right]:
    """The rights without which something that was asked for would have been refused."""
    allowing = [_lower(one) for one in policy if one["Effect"] == "Allow"]
    single = [
        ((one["Sid"], action), {**one, "Action": action})
        for one in allowing
        for action in texts(one["Action"])
    ]
    found = set()
    for one in asked:
        granted = [
            right
            for right, statement in single
            if decide([statement], one.action, one.resource, dict(one.context)) == "Allow"
        ]
        if len(granted) == 1:
            found.add(granted[0])
    return found


def _lower(statement: Statement) -> Statement:
    """The statement with its condition keys in lower case, in which IAM takes them too."""
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition", {})
    return {
        **statement,
        "Condition": {
            test: {key.lower(): value for key, value in keys.items()} for test, keys in conditions.items()
        },
    }


def rights(policy: Iterable[Statement]) -> set[Right]:
    """Every statement's every action; what is denied takes nothing away from a deployment."""
    return {
        (one["Sid"], action) for one in policy if one["Effect"] == "Allow" for action in texts(one["Action"])
    }


@pytest.mark.parametrize("role", ["deploy", "execution"])
def test_each_right_is_needed(story: Story, role: str) -> None:
    """Without it something that the story asks for is refused; or it is listed, with what only AWS does."""
    policy = story.policy("prod", role)
    beyond = rights(policy) - needed(policy, story.asked("prod", role))
    unlisted, asked = sorted(beyond - BEYOND[role].keys()), sorted(BEYOND[role].keys() - beyond)

    assert ([], []) == (unlisted, asked)


@pytest.mark.parametrize("role", ["deploy", "execution"])
def test_a_right_that_nobody_needs_is_found(story: Story, role: str) -> None:
    """Sabotage: one more action, one more statement; each is named."""
    policy = story.policy("prod", role)
    policy[0] = {**policy[0], "Action": [*texts(policy[0]["Action"]), "sqs:SendMessage"]}
    more = {"Sid": "More", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    found = rights([*policy, more]) - needed([*policy, more], story.asked("prod", role)) - set(BEYOND[role])

    assert {(policy[0]["Sid"], "sqs:SendMessage"), ("More", "s3:GetObject")} <= found


def test_a_deployment_fails_without_any_statement_that_it_used(story: Story) -> None:
    """Taken away for real, one after the other: each deployment says that it was refused, and the old one serves."""
    releases, start = Releases(story.dev), story.length
    variables = story.dev.box.aws.variables()
    releases.another()
    assert releases.deploy(variables).status == 0
    used = {
        (role, sid)
        for role in ("deploy", "execution")
        for sid, _ in needed(story.policy("dev", role), story.asked("dev", role, start))
    }
    survived = {}
    for role, sid in sorted(used):
        before = releases.serving()
        releases.another()
        with story.without("dev", role, sid):
            ended = releases.deploy(variables)
        releases.undo()
        if ended.status == 0 and not re.search("[Nn]ot recorded", ended.said):
            survived[role, sid] = ended.said
        else:
            assert re.search("AccessDenied|refused|not authorized|40[13]", ended.said), ended.said
            assert ended.status == 0 or before == releases.serving()

    assert len(used) >= 10
    assert sorted({**TWICE, **UNREAD}) == sorted(survived)
    assert 0 == releases.deploy(variables).status
