"""What the bootstrap grants for a list of resource types: enough, of own names, within IAM's limits."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from pipeline import cli
from pipeline.base.errors import ConfigurationError
from pipeline.iam import authorization, grants
from pipeline.source import quotas, registry
from pipeline.source.located import parse
from pipeline.source.settings import FILE
from tests.iam import decide
from tests.stacks import BOOTSTRAP_ANSWERS, ROOT, resources, statements, texts

pytestmark = pytest.mark.outside

BOOTSTRAP = (ROOT / "bootstrap/template.yaml").read_text(encoding="utf-8")
HERE = {"AWS::Partition": "aws", "AWS::Region": "xx-test-1", "AWS::AccountId": "000000000001"}
OWN = "arn:aws:{}:xx-test-1:000000000001:{}"


def granted(*types: str, role_actions: tuple[str, ...] = ()) -> grants.Grants:
    return grants.Grants(types, role_actions=role_actions)


@cache
def deployed(given: grants.Grants) -> dict[str, Any]:
    """The resources of the bootstrap with these grants, of an application `shop` in dev."""
    template = yaml_parse(grants.written(BOOTSTRAP, given))
    defaults = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}
    names = {"Name": "shop", "Environment": "dev"}
    return resources(template, {**defaults, **BOOTSTRAP_ANSWERS, **names, **HERE})


def execution(given: grants.Grants) -> list[dict[str, Any]]:
    return statements(deployed(given)["ExecutionRole"]["Properties"]["Policies"])


def boundary(given: grants.Grants) -> list[dict[str, Any]]:
    return statements([deployed(given)["Boundary"]["Properties"]])


def allowed(given: grants.Grants, action: str, resource: str, **context: str) -> bool:
    """Whether both the execution role's own policy and its boundary let it."""
    as_itself = {"aws:PrincipalArn": "arn:aws:iam::000000000001:role/shop-dev-execution", **context}
    return {"Allow"} == {decide(of(given), action, resource, as_itself) for of in (execution, boundary)}


@pytest.mark.parametrize(
    ("kind", "action", "name"),
    [
        ("AWS::DynamoDB::Table", "dynamodb:CreateTable", "dynamodb table/{}"),
        ("AWS::DynamoDB::Table", "dynamodb:UpdateTimeToLive", "dynamodb table/{}"),
        ("AWS::SNS::Topic", "sns:SetTopicAttributes", "sns {}"),
        ("AWS::StepFunctions::StateMachine", "states:CreateStateMachine", "states stateMachine:{}"),
        ("AWS::Events::Rule", "events:PutTargets", "events rule/{}"),
        ("AWS::Events::Rule", "events:PutRule", "events rule/orders/{}"),
        ("AWS::Scheduler::Schedule", "scheduler:CreateSchedule", "scheduler schedule/default/{}"),
        ("AWS::Kinesis::Stream", "kinesis:CreateStream", "kinesis stream/{}"),
        ("AWS::ECR::Repository", "ecr:CreateRepository", "ecr repository/{}"),
        ("AWS::SSM::Parameter", "ssm:PutParameter", "ssm parameter/{}"),
    ],
)
def test_a_type_of_the_list_is_made_under_own_names(kind: str, action: str, name: str) -> None:
    """Without the list it isn't; with it what bears the application's name is, and another application's isn't."""
    service, rest = name.split(" ")
    own, others = (OWN.format(service, rest.format(f"{one}-orders")) for one in ("shop-dev", "depot-dev"))

    assert not allowed(granted(), action, own)
    assert allowed(granted(kind), action, own)
    assert not allowed(granted(kind), action, others)


@pytest.mark.parametrize(
    "kind",
    [
        "DynamoDB::Table",
        "SNS::Topic",
        "StepFunctions::StateMachine",
        "Events::Rule",
        "Kinesis::Stream",
        "ECR::Repository",
    ],
)
def test_every_action_of_the_types_own_service_is_granted(kind: str) -> None:
    """Each that the registry's handlers name, on some resource, in both policies (CloudFormation's schemas)."""
    given = granted(f"AWS::{kind}")
    own = {
        text
        for s in execution(given)
        if s.get("Sid", "").startswith("MakeMore")
        for text in texts(s["Action"])
    }
    services = {action.partition(":")[0] for action in own}
    named = {one for one in registry.permissions(f"AWS::{kind}") if one.partition(":")[0] in services}

    assert 1 == len(services)
    assert named == own
    assert not [one for one in own if not allowed(given, one, _some_resource(given, one))]


def _some_resource(given: grants.Grants, action: str) -> str:
    return next(
        text
        for s in execution(given)
        if s["Effect"] == "Allow" and action in s["Action"]
        for text in texts(s["Resource"])
    )


def test_a_role_is_handed_to_the_service_of_a_type_that_takes_one() -> None:
    """A state machine runs as a role of the stack; a table takes none."""
    asked = ("iam:PassRole", "arn:aws:iam::000000000001:role/shop-dev/Flow")
    to = {"iam:PassedToService": "states.amazonaws.com"}

    assert allowed(granted("AWS::StepFunctions::StateMachine"), *asked, **to)
    assert not allowed(granted("AWS::DynamoDB::Table"), *asked, **to)
    assert not allowed(
        granted("AWS::StepFunctions::StateMachine"),
        asked[0],
        "arn:aws:iam::000000000001:role/depot-dev/Flow",
        **to,
    )


def test_functions_may_what_is_listed_and_nothing_else() -> None:
    """The boundary leaves room for the actions of the list, on own names; nothing of what a deployment may."""
    given = granted("AWS::DynamoDB::Table", role_actions=("dynamodb:GetItem", "sns:Publish"))
    function = {"aws:PrincipalArn": "arn:aws:iam::000000000001:role/shop-dev/AppRole"}
    table = OWN.format("dynamodb", "table/{}-dev-orders")
    decided = {
        (action, name): decide(boundary(given), action, table.format(name), function)
        for action in ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteTable")
        for name in ("shop", "depot")
    }

    assert {("dynamodb:GetItem", "shop")} == {asked for asked, how in decided.items() if how == "Allow"}


@pytest.mark.parametrize("bucket", ["artifacts", "evidence", "access-logs"])
@pytest.mark.parametrize(
    "action", ["s3:PutBucketPolicy", "s3:DeleteBucket", "s3:PutObject", "s3:PutEncryptionConfiguration"]
)
def test_the_pipelines_buckets_stay_its_own(bucket: str, action: str) -> None:
    """They are named like the application's; that a deployment makes buckets doesn't reach them."""
    given = granted("AWS::S3::Bucket", role_actions=("s3:PutObject",))
    resource = f"arn:aws:s3:::shop-dev-{bucket}-000000000001" + ("/x" if action.endswith("Object") else "")

    assert not allowed(given, f"s3:{action}", resource)
    assert "Deny" == decide(boundary(given), f"s3:{action}", resource)
    assert allowed(given, "s3:CreateBucket", "arn:aws:s3:::shop-dev-pictures-1")


def test_alarms_go_where_the_administrator_says() -> None:
    """The topic is named like the application's, and stays as it is, also where deployments make topics."""
    assert "Deny" == decide(boundary(granted("AWS::SNS::Topic")), "sns:DeleteTopic", "<AlarmTopic>")


def test_without_a_list_the_template_is_as_it_was() -> None:
    """And what was written for a list goes when the list is empty: the blocks hold nothing else."""
    once = grants.written(BOOTSTRAP, granted("AWS::DynamoDB::Table", "AWS::SNS::Topic"))

    assert once == grants.written(once, granted("AWS::DynamoDB::Table", "AWS::SNS::Topic"))
    assert once != BOOTSTRAP
    assert grants.written(BOOTSTRAP, granted()) == grants.written(once, granted())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (r" +# From .*\n", "", "has 0 places"),
        (r"(?s)(.*) +# From [^\n]*\n", r"\1", "has 1 places"),
        (r" +# Until here.\n", "", "nothing ends what begins with"),
    ],
)
def test_a_template_without_a_place_is_refused(old: str, new: str, told: str) -> None:
    """What was generated is never written over what somebody wrote."""
    with pytest.raises(ConfigurationError, match=told):
        grants.written(re.sub(old, new, BOOTSTRAP), granted("AWS::SNS::Topic"))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('resource_types = ["AWS::IAM::User"]', 1, "would let a deployment work on iam"),
        ('resource_types = ["AWS::SSO::PermissionSet"]', 1, "would let a deployment work on sso"),
        (
            'resource_types = [\n  "AWS::SNS::Topic",\n  "AWS::SNS::Topik",\n]',
            3,
            "no type of CloudFormation's registry",
        ),
        ('resource_types = "AWS::SNS::Topic"', 1, "is not a list"),
        ("resource_types = [7]", 1, "is not a text"),
        ('resource_types = ["AWS::Lambda::Function"]', 1, "is granted without being listed"),
        ('role_actions = ["dynamodb:*"]', 1, "is a pattern"),
        ('\nrole_actions = ["sts:AssumeRole"]', 2, "is an administrator's"),
        ('role_actions = ["dynamodb:GetItems"]', 1, "no action of the service authorization reference"),
        ('deployment_actions = ["iam:CreateUser"]', 1, "is an administrator's"),
    ],
)
def test_a_setting_that_can_not_be_taken_is_told_with_its_line(text: str, line: int, told: str) -> None:
    """Nothing is granted by a slip."""
    settings = parse(text, FILE)
    _, faults = grants.read(settings)

    assert [line] == [settings.line(*fault.place) for fault in faults]
    assert told in faults[0].message


# The command ----------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the templates and settings of this one."""
    for name in ("bootstrap/template.yaml", "template.yaml", "samconfig.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "policies").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_says_what_is_missing_and_writes_it(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --write nothing changes, and the exit status says so; with it the template is what the list makes."""
    (checkout / FILE).write_text('resource_types = ["AWS::DynamoDB::Table"]\n', encoding="utf-8")
    path = checkout / "bootstrap/template.yaml"
    before = path.read_text(encoding="utf-8")

    assert 1 == cli.main(["bootstrap"])
    assert before == path.read_text(encoding="utf-8")
    assert "+                  - dynamodb:CreateTable" in capsys.readouterr().out
    assert 0 == cli.main(["bootstrap", "--write"])
    assert grants.written(before, granted("AWS::DynamoDB::Table")) == path.read_text(encoding="utf-8")
    assert 0 == cli.main(["bootstrap"])


def test_what_is_deployed_says_the_same(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, in which CloudFormation wants long intrinsics, and a list of two for GetAtt; only when the template is
    what the list makes."""
    (checkout / FILE).write_text('resource_types = ["AWS::DynamoDB::Table"]\n', encoding="utf-8")
    output = checkout / "build/bootstrap.json"
    assert 1 == cli.main(["bootstrap", "--output", str(output)])
    assert not output.exists()
    assert 0 == cli.main(["bootstrap", "--write", "--output", str(output)])
    written = (checkout / "bootstrap/template.yaml").read_text(encoding="utf-8")
    deployed = json.loads(output.read_text(encoding="utf-8"))

    assert yaml_parse(written) == deployed
    assert len(written.encode()) > 51_200 > output.stat().st_size
    assert f"{output.stat().st_size} bytes of 51200" in capsys.readouterr().out


def test_what_a_call_does_not_take_is_not_put_out(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation would refuse it."""
    monkeypatch.setattr(quotas, "INLINE_TEMPLATE", 10_000)

    assert 1 == cli.main(["bootstrap", "--output", "bootstrap.json"])
    assert "as it is deployed, and CloudFormation takes 10000" in capsys.readouterr().err
    assert not (checkout / "bootstrap.json").exists()


@pytest.mark.parametrize("size", ["resource_types", "role_actions"])
def test_what_iam_would_refuse_is_not_written(
    size: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """IAM's quotas: 10,240 characters for a role's inline policies, 6,144 for a managed policy."""
    wide = {
        "resource_types": [
            "AWS::S3::Bucket",
            "AWS::DynamoDB::Table",
            "AWS::RDS::DBInstance",
            "AWS::EC2::Instance",
        ],
        "role_actions": [*authorization.arns("s3:*"), *authorization.arns("dynamodb:*")],
    }
    listed = ", ".join(f'"{one}"' for one in wide[size])
    (checkout / FILE).write_text(f"{size} = [{listed}]\n", encoding="utf-8")
    before = (checkout / "bootstrap/template.yaml").read_text(encoding="utf-8")

    assert 1 == cli.main(["bootstrap", "--write"])
    assert before == (checkout / "bootstrap/template.yaml").read_text(encoding="utf-8")
    assert "of which IAM takes" in capsys.readouterr().err
