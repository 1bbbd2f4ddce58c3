"""What a team does with an environment that lives: its database, network and key change, its account's bootstrap is
updated, and it is taken down and built again.

Each change goes the way of bootstrap/README.md: an administrator's command, then the workflow that deploys. The checks
are left out of the runs (tests/e2e/unchecked.py). dev has prod's way of moving traffic. The tests follow each other.
"""

import html
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.base.run import CHECKOUT, run
from sandbox.accounts import pair
from sandbox.github import Event
from sandbox.postgres import PostgreSQL
from sandbox.story.scene import Scene, text
from tests.e2e.unchecked import unchecked
from tests.proofs.deployed import DEV, given, rotated
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.proof]


class Team(Scene):
    """Who merges, and who administers dev's account."""

    database: PostgreSQL  # the one that dev uses
    event: Event  # the merge that serves

    @property
    def bootstrap(self) -> str:
        """The name of the bootstrap's stack."""
        return self.reach(DEV).settings.application.bootstrap_stack

    def client(self, service: str) -> Any:
        """A client of the account's administrator."""
        return self.box.aws.client(service, DEV)

    def settings(self, **values: str) -> dict[str, str]:
        """The repository's samconfig.toml with other values of dev's parameters."""
        text = self.box.github.remote.git("show", "main:samconfig.toml") + "\n"
        for name, value in values.items():
            text = given(text, name, value)
        return {"samconfig.toml": text}

    def deploy(self) -> float:
        """Let the workflow of the newest merge run, once more if it has; returns the seconds until dev serves it."""
        began = time.monotonic()
        self.passed(self.box.github.run(self.event))
        self.serves(DEV, self.event.sha)
        return time.monotonic() - began

    def bootstraps(self, **answers: str) -> None:
        """Deploy the bootstrap of the clone's branch as bootstrap/README.md has it, with some answers changed.

        It is what `aws cloudformation deploy` does: a change set, in which what isn't named keeps its value
        (`--parameter-overrides` in the AWS CLI's reference).
        """
        stacks, name = self.client("cloudformation"), self.bootstrap
        clone, output = self.box.github.remote.clone, self.box.folder / "bootstrap.json"
        run([CHECKOUT / "bin/pipeline", "-C", clone, "bootstrap", "--output", output])
        body = output.read_text(encoding="utf-8")
        known = {
            one["ParameterKey"] for one in stacks.describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
        }
        declared = {one["ParameterKey"] for one in stacks.validate_template(TemplateBody=body)["Parameters"]}
        made = stacks.create_change_set(
            StackName=name,
            ChangeSetName=f"by-hand-{uuid.uuid4()}",
            ChangeSetType="UPDATE",
            TemplateBody=body,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                *({"ParameterKey": key, "ParameterValue": value} for key, value in answers.items()),
                *(
                    {"ParameterKey": key, "UsePreviousValue": True}
                    for key in sorted(known & declared - answers.keys())
                ),
            ],
        )["Id"]
        stacks.get_waiter("change_set_create_complete").wait(ChangeSetName=made, WaiterConfig={"Delay": 1})
        stacks.execute_change_set(ChangeSetName=made)
        stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def variables(self, function: str = "app:live") -> dict[str, str]:
        """The variables of a function of dev."""
        name = f"{self.reach(DEV).stack}-{function}"
        found = self.client("lambda").get_function_configuration(FunctionName=name)
        return dict(found["Environment"]["Variables"])

    def rotates(self) -> None:
        """Rotate the database's password; the application goes on."""
        rotated(self.box.aws, DEV)
        assert {"status": "ok"} == self.reach(DEV).get("/ready")

    def made(self) -> dict[str, str]:
        """The resources of dev's stack that a release doesn't make anew: their ids by their names."""
        return {
            name: physical
            for kind in (
                *("AWS::ApiGateway::RestApi", "AWS::IAM::Role", "AWS::Lambda::Function"),
                *("AWS::Logs::LogGroup", "AWS::SQS::Queue", "AWS::SecretsManager::Secret"),
            )
            for name, physical in self.reach(DEV).resources(kind).items()
        }

    def key(self) -> str:
        """The ARN of the key that dev's parameter names."""
        name = f"{self.reach(DEV).settings.application.parameters(DEV)}/data-key-arn"
        return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def trail(self) -> list[dict[str, Any]]:
        """What the laptop's AWS was asked for so far."""
        return [json.loads(line) for line in self.box.aws.trail.read_text(encoding="utf-8").splitlines()]

    def status(self) -> str:
        """The state of dev's stack."""
        found = self.client("cloudformation").describe_stacks(StackName=self.reach(DEV).stack)
        return str(found["Stacks"][0]["StackStatus"])

    def loses_an_event(self) -> None:
        """An event that fails for good is kept in the queue, and read from there."""
        functions, queues, name = (
            self.client("lambda"),
            self.client("sqs"),
            f"{self.reach(DEV).stack}-rotation",
        )
        (url,) = self.reach(DEV).resources("AWS::SQS::Queue").values()
        functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        until(lambda: queues.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"), "the event")
        functions.delete_function_event_invoke_config(FunctionName=name)

    def takes_down(self) -> None:
        """Delete dev's stack, as an administrator does."""
        client, stack = self.client("cloudformation"), self.reach(DEV).stack
        identity = client.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
        client.delete_stack(StackName=stack)
        client.get_waiter("stack_delete_complete").wait(StackName=identity, WaiterConfig={"Delay": 1})

    def left(self) -> dict[str, list[str]]:
        """What there is of dev's application that a stack may leave behind: tables, log groups, queues, secrets."""
        stack, secrets = self.reach(DEV).stack, self.client("secretsmanager").list_secrets()["SecretList"]
        groups = self.client("logs").describe_log_groups()["logGroups"]
        return {
            "AWS::DynamoDB::Table": self.client("dynamodb").list_tables()["TableNames"],
            "AWS::Logs::LogGroup": sorted(
                one["logGroupName"] for one in groups if stack in one["logGroupName"]
            ),
            "AWS::SQS::Queue": self.client("sqs").list_queues(QueueNamePrefix=stack).get("QueueUrls", []),
            "AWS::SecretsManager::Secret": sorted(
                one["ARN"] for one in secrets if one["Name"].startswith(f"{stack}-")
            ),
        }

    def drift(self) -> str:
        """What drift.yml says of dev; nothing may have drifted."""
        return text(
            self.passed(self.box.github.run(self.box.github.dispatch("drift.yml", {"environment": DEV})))
        )


def network(team: Team, block: str) -> dict[str, str]:
    """The settings for functions in a VPC of their own."""
    ec2 = team.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{block}.{number}.0/24")["Subnet"]["SubnetId"]
        for number in range(2)
    ]
    group = ec2.create_security_group(GroupName=f"functions-{block}", Description="functions", VpcId=vpc)[
        "GroupId"
    ]
    return {"VpcSubnetIds": ",".join(subnets), "VpcSecurityGroupIds": group}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A release that serves dev, from a VPC."""
    with unchecked(tmp_path_factory.mktemp("day-two"), pair()[:1]) as box:
        found = Team(box)
        found.database = box.postgres[DEV]
        try:
            settings = found.settings(GradualDeployment="true", **network(found, "10.1"))
            found.event = found.merged("Begin", settings)
            print(f"first deployment: {found.deploy():.0f} s")
            yield found
        finally:
            box.github.cancel()
            found.database.stop()


def test_a_moved_database(team: Team) -> None:
    """Another server, with another master secret, holds a restored copy: after the next run everything is there, and
    nobody asks the old server, which has ended."""
    before, recorded = team.variables(), team.reach(DEV).deployments()
    began = time.monotonic()
    team.database = team.database.restored("postgres-restored", "127.0.0.1")
    admin = team.database.administrator
    secret = team.client("secretsmanager").create_secret(
        Name=f"rds!db-{uuid.uuid4()}",
        SecretString=json.dumps({"username": admin.user, "password": admin.password}),
    )["ARN"]
    until(lambda: team.reach(DEV).get("/ready") == {"status": 503}, "the loss of the old server")
    team.bootstraps(
        DatabaseHost=team.database.host,
        DatabasePort=str(team.database.port),
        DatabaseAdminSecretArn=secret,
    )
    assert before == team.variables()  # until the next release
    took = team.deploy()
    print(f"moved database: {took:.0f} s, without one for {time.monotonic() - began:.0f} s")
    after, migrate = team.variables(), team.variables("migrate")

    where = ("127.0.0.1", str(team.database.port))
    assert where == (after["DATABASE_HOST"], after["DATABASE_PORT"])
    assert secret == migrate["DATABASE_ADMIN_SECRET_ARN"]
    assert before["RELEASE_DIGEST"] != after["RELEASE_DIGEST"]
    assert recorded == team.reach(DEV).deployments()[1:]
    team.rotates()


def test_another_network_and_another_key(team: Team) -> None:
    """The functions follow, and nothing is made anew. The old key must open until then: one that was switched off too
    early fails the release, which says so, and an administrator has a way out. Afterwards nobody asks for it."""
    before, old, kms = team.made(), team.key(), team.client("kms")
    policy = kms.get_key_policy(KeyId=old, PolicyName="default")["Policy"]
    new = kms.create_key(Policy=policy, Description="data")["KeyMetadata"]["Arn"]
    second = network(team, "10.2")
    team.bootstraps(DataKeyArn=new)
    team.event = team.merged("Move", team.settings(**second))
    kms.disable_key(KeyId=old)
    told = text(team.failed(team.box.github.run(team.event), "Migration failed"))
    told = html.unescape(told)
    assert "Check the function's role, the key that the secret lies under" in told
    assert "continue-update-rollback" in told
    kms.enable_key(KeyId=old)
    team.client("cloudformation").continue_update_rollback(StackName=team.reach(DEV).stack)
    until(lambda: team.status() == "UPDATE_ROLLBACK_COMPLETE", "the end of the rollback")
    print(f"another network and key: {team.deploy():.0f} s")
    kms.disable_key(KeyId=old)
    since = len(team.trail())

    assert (before, new) == (team.made(), team.key())
    functions = team.client("lambda")
    for name in team.reach(DEV).resources("AWS::Lambda::Function").values():
        found = functions.get_function_configuration(FunctionName=name)
        has = {key: sorted(found["VpcConfig"][key]) for key in ("SubnetIds", "SecurityGroupIds")}
        assert {
            "SubnetIds": sorted(second["VpcSubnetIds"].split(",")),
            "SecurityGroupIds": [second["VpcSecurityGroupIds"]],
        } == has
        assert new == found["KMSKeyArn"]
    team.rotates()
    team.loses_an_event()
    assert "no differences" in team.drift()
    groups = team.client("logs").describe_log_groups(logGroupNamePrefix="/aws/")["logGroups"]
    assert {new} == {one["kmsKeyId"] for one in groups}
    assert team.client("logs").filter_log_events(logGroupName=groups[-1]["logGroupName"])["events"]
    asked = [one for one in team.trail()[since:] if one["action"].startswith("kms:")]
    assert new in {one["resource"] for one in asked}
    assert [] == [one for one in asked if one["resource"] == old]


_TABLE = """\
Resources:
  Notes:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      TableName: !Sub ${AWS::StackName}-notes
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      SSESpecification: { SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !Ref DataKeyArn }

"""


def test_a_later_bootstrap(team: Team) -> None:
    """The application lives on while an administrator, and nobody else, deploys the bootstrap that a change needs, from
    the change's branch; then the change is merged, and makes a table."""
    hub, before = team.box.github, team.variables()
    settings = hub.remote.git("show", "main:policies/settings.toml") + "\n"
    template = hub.remote.git("show", "main:template.yaml") + "\n"
    hub.commit(
        "Keep notes",
        {
            "policies/settings.toml": settings.replace(
                "resource_types = []", 'resource_types = ["AWS::DynamoDB::Table"]'
            ),
            "template.yaml": template.replace("Resources:\n", _TABLE, 1),
        },
        branch="notes",
    )
    run([CHECKOUT / "bin/pipeline", "-C", hub.remote.clone, "bootstrap", "--write"])
    hub.commit("Let deployments make tables", {}, branch="notes")
    stacks = team.box.aws.client("cloudformation", DEV, team.deploy_role(DEV, team.event.sha))
    team.denied(
        lambda: stacks.create_change_set(
            StackName=team.bootstrap, ChangeSetName="mine", TemplateBody="{}", ChangeSetType="UPDATE"
        ),
        "the deploy role changed the bootstrap",
    )
    request = hub.open_pull_request("notes", "Keep notes")
    team.bootstraps()
    assert (before, {"status": "ok"}) == (team.variables(), team.reach(DEV).get("/ready"))
    team.event = hub.merge(request)
    print(f"a release after the bootstrap: {team.deploy():.0f} s")

    (table,) = team.reach(DEV).resources("AWS::DynamoDB::Table").values()
    assert "ACTIVE" == team.client("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"]


def test_taken_down_and_built_again(team: Team) -> None:
    """What is told to stay stays, and is in the way of the same names until somebody removes it; then the same run
    brings the same bundle back, and the ledger goes on."""
    url, bundle = team.reach(DEV).url, team.variables()["BUNDLE_DIGEST"]
    recorded = team.reach(DEV).deployments()
    kept = {
        kind: sorted(team.reach(DEV).resources(kind).values())
        for kind in (
            *("AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::SQS::Queue"),
            "AWS::SecretsManager::Secret",
        )
    }
    team.takes_down()
    assert kept == team.left()
    told = html.unescape(text(team.failed(team.box.github.run(team.event), "already exists")))
    assert "aws cloudformation delete-stack" in told
    assert kept == team.left()
    team.takes_down()
    began = time.monotonic()
    for name in kept["AWS::Logs::LogGroup"]:
        team.client("logs").delete_log_group(logGroupName=name)
    for name in kept["AWS::SQS::Queue"]:
        team.client("sqs").delete_queue(QueueUrl=name)
    for name in kept["AWS::SecretsManager::Secret"]:
        team.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    for name in kept["AWS::DynamoDB::Table"]:
        team.client("dynamodb").delete_table(TableName=name)
    assert {kind: [] for kind in kept} == team.left()
    took = team.deploy()
    print(f"built again: {took:.0f} s, with the removal {time.monotonic() - began:.0f} s")

    assert bundle == team.variables()["BUNDLE_DIGEST"]
    assert url != team.reach(DEV).url
    assert [one["id"] for one in recorded] == [one["id"] for one in team.reach(DEV).deployments()[1:]]
    mine = team.role_variables(DEV, team.event.sha)
    told = run([CHECKOUT / "bin/pipeline", "drift", DEV], cwd=team.box.github.remote.clone, env=mine).stdout
    assert "dev: no differences\n" == told
    team.rotates()
