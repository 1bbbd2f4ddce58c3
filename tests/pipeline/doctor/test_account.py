"""`pipeline doctor ENV`: what an account has, and each thing missing once."""

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.run import CHECKOUT
from pipeline.delivery import authorities, bundle
from pipeline.doctor import account
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG, Remark, status
from pipeline.source import prices, samconfig
from pipeline.source.functions import functions
from pipeline.source.project import BOOTSTRAP, Project
from tests import judged
from tests.pipeline.doctor.answers import Answer, Session, refusal

pytestmark = pytest.mark.outside

_PROJECT = judged.repository()
PROD = samconfig.read(CHECKOUT, "prod")
NAME, REPOSITORY = PROD.application.name, PROD.application.repository
_ARN = f"arn:aws:secretsmanager:{PROD.region}:{PROD.account}:secret:rds!db-1-AbCdEf"
_KEY = f"arn:aws:kms:{PROD.region}:{PROD.account}:key/11111111-2222-3333-4444-555555555555"
_NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
# What SSM has, by how the parameter's name ends.
_VALUES = {
    "/host": "db.c1abc.eu-west-1.rds.amazonaws.com",
    "/port": "5432",
    "/name": "shop",
    "/admin-secret-arn": _ARN,
    "/tls": "verify-full",
    "/data-key-arn": _KEY,
}


def _parameters(asked: Mapping[str, Any], **changed: str | None) -> dict[str, Any]:
    values: dict[str, str | None] = {
        name: next((v for end, v in _VALUES.items() if name.endswith(end)), "x") for name in asked["Names"]
    }
    for end, value in changed.items():
        values |= {name: value for name in values if name.endswith(f"/{end.replace('_', '-')}")}
    found = [{"Name": name, "Value": value} for name, value in values.items() if value is not None]
    missing = [name for name, value in values.items() if value is None]
    return {"Parameters": found, **({"InvalidParameters": missing} if missing else {})}


def _metrics(asked: Mapping[str, Any]) -> dict[str, Any]:
    statistic = "Sum" if asked["Statistics"] == ["Sum"] else "Average"
    return {"Datapoints": [{"Timestamp": _NOW, statistic: 1000.0}]}


def _simulated(asked: Mapping[str, Any]) -> dict[str, Any]:
    secret = "secretsmanager:GetSecretValue" in asked["ActionNames"]
    decision = "explicitDeny" if secret else "allowed"
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": decision} for action in asked["ActionNames"]
        ],
        "IsTruncated": False,
    }


def _stack(**given: str) -> dict[str, Any]:
    owner, _, repository = REPOSITORY.partition("/")
    told = {"GitHubOwner": owner, "GitHubRepository": repository, **given}
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in told.items()]
    name = PROD.application.bootstrap_stack
    return {
        "Stacks": [
            {
                "StackName": name,
                "CreationTime": _NOW,
                "StackStatus": "CREATE_COMPLETE",
                "Parameters": parameters,
            }
        ]
    }


def _stacks(*names: str) -> dict[str, Any]:
    return {
        "StackSummaries": [
            {"StackName": name, "CreationTime": _NOW, "StackStatus": "CREATE_COMPLETE"}
            for name in (PROD.application.bootstrap_stack, "unrelated", *names)
        ]
    }


def _resources(_: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {
        "ArtifactBucket": ("AWS::S3::Bucket", PROD.bucket),
        "EvidenceBucket": ("AWS::S3::Bucket", PROD.evidence_bucket),
        "ExecutionRole": ("AWS::IAM::Role", PROD.execution_role.rpartition("/")[2]),
        "SigningKey": ("AWS::KMS::Key", "1-2-3"),
        "DataKey": ("AWS::KMS::Key", "4-5-6"),
    }
    return {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "LastUpdatedTimestamp": _NOW,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, (kind, physical) in kinds.items()
        ]
    }


WELL: dict[str, Answer | Exception] = {
    "GetCallerIdentity": {
        "Account": PROD.account,
        "Arn": "arn:aws:sts::1:assumed-role/admin/me",
        "UserId": "1",
    },
    "ListStacks": _stacks("other-bootstrap"),
    "DescribeStacks": _stack(),
    "GetTemplate": {"TemplateBody": (CHECKOUT / BOOTSTRAP).read_text(encoding="utf-8")},
    "GetParameters": _parameters,
    "DescribeSecret": {"ARN": _ARN, "Name": "rds"},
    "DescribeKey": {"KeyMetadata": {"KeyId": "1", "KeyState": "Enabled", "KeyManager": "CUSTOMER"}},
    "GetAccountSettings": {
        "AccountLimit": {
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
            "TotalCodeSize": 80_530_636_800,
        },
        "AccountUsage": {"TotalCodeSize": 1_000_000_000, "FunctionCount": 3},
    },
    "GetFunctionConcurrency": {"ReservedConcurrentExecutions": 0},
    "GetAccount": {"cloudwatchRoleArn": f"arn:aws:iam::{PROD.account}:role/gateway-logs"},
    "GetRole": {
        "Role": {
            "Path": "/",
            "RoleName": "there",
            "RoleId": "AROA0123456789ABCDEF",
            "Arn": f"arn:aws:iam::{PROD.account}:role/there",
            "CreateDate": _NOW,
        }
    },
    "ListStackResources": _resources,
    "SimulatePrincipalPolicy": _simulated,
    "ListVersionsByFunction": {"Versions": [{"Version": "$LATEST"}, {"Version": "1"}]},
    "GetBucketLifecycleConfiguration": {
        "Rules": [{"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 9}}]
    },
    "GetMetricStatistics": _metrics,
    "ListMetrics": {"Metrics": [{"Namespace": "Shop", "MetricName": "errors"}, {"Namespace": "AWS/Lambda"}]},
}


@pytest.fixture(autouse=True)
def _bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bundle isn't built for each test, and its code is believed; test_authorities.py tries that."""
    made = tmp_path / "bundle"
    made.mkdir()
    shutil.copy(CHECKOUT / "template.yaml", made)
    monkeypatch.setattr(bundle, "build", lambda *_: bundle.Bundle(made, "a" * 64, "b" * 40, {}))
    monkeypatch.setattr(authorities, "check", lambda *_: None)
    monkeypatch.setattr(Project, "load", lambda _: _PROJECT)


def look(**answers: Answer | Exception) -> list[Remark]:
    session = Session({**WELL, **answers})  # type: ignore[dict-item]
    return list(account.look(session, "prod", CHECKOUT))  # type: ignore[arg-type]


def bad(remarks: list[Remark]) -> dict[str, str]:
    return {one.what: one.told for one in remarks if one.state in (WRONG, UNKNOWN)}


def test_an_account_that_has_all_is_well() -> None:
    """Nothing to do: each of the looks says something, and no call changes anything (answers.py)."""
    found = look()

    assert ({}, 0) == (bad(found), status(found))
    assert {"name", "bootstrap", "parameters of SSM", "TLS to the database", "cost a month"} <= {
        one.what for one in found
    }
    assert {f"rights of {role.rpartition('/')[2]}" for role in (PROD.deploy_role, PROD.execution_role)} <= {
        one.what for one in found if one.state == OK
    }


_LOGS = "API Gateway's role for logs"
_LINKED = "service-linked role AWSServiceRoleForAPIGateway"


def _only_gateway(asked: Mapping[str, Any]) -> Any:
    missing = asked["RoleName"] == "AWSServiceRoleForAPIGateway"
    return refusal("NoSuchEntity") if missing else WELL["GetRole"]


def _only_logs(asked: Mapping[str, Any]) -> Any:
    return refusal("NoSuchEntity") if asked["RoleName"] == "gateway-logs" else WELL["GetRole"]


def _limited(**limits: int) -> dict[str, Any]:
    given: Any = WELL["GetAccountSettings"]
    return {**given, "AccountLimit": given["AccountLimit"] | limits}


def _refusing(word: str, decision: str = "implicitDeny") -> Any:
    def simulate(asked: Mapping[str, Any]) -> dict[str, Any]:
        found = _simulated(asked)
        for one in found["EvaluationResults"]:
            if one["EvalActionName"] == word:
                one["EvalDecision"] = decision
        return found

    return simulate


_DEPLOYING = f"rights of {PROD.deploy_role.rpartition('/')[2]}"
MISSING: list[tuple[dict[str, Any], str, str]] = [
    ({"GetTemplate": refusal("ValidationError", "Stack x does not exist")}, "bootstrap", "absent"),
    ({"GetTemplate": {"TemplateBody": "Resources: {}"}}, "bootstrap", "in bootstrap/template.yaml"),
    (
        {"ListStacks": _stacks(f"{NAME}-prod-bootstrap")},
        "name",
        f"takes in all of the application '{NAME}-prod'",
    ),
    ({"ListStacks": _stacks(f"{NAME}-prod-eu-bootstrap")}, "name", "takes in all of the application"),
    ({"DescribeStacks": _stack(GitHubOwner="somebody")}, "name", "is taken"),
    ({"GetParameters": lambda asked: _parameters(asked, host=None)}, "parameters of SSM", "/database/host"),
    ({"GetParameters": lambda asked: _parameters(asked, tls="disable")}, "TLS to the database", "is disable"),
    (
        {"DescribeSecret": refusal("ResourceNotFoundException")},
        "secret of DatabaseAdminSecretArn",
        "not there",
    ),
    (
        {"DescribeSecret": {"ARN": _ARN, "DeletedDate": _NOW}},
        "secret of DatabaseAdminSecretArn",
        "to be deleted",
    ),
    ({"DescribeKey": refusal("NotFoundException")}, "key of DataKeyArn", "not there"),
    (
        {"DescribeKey": {"KeyMetadata": {"KeyId": "1", "KeyState": "PendingDeletion"}}},
        "key of DataKeyArn",
        "is PendingDeletion",
    ),
    (
        {"GetAccountSettings": _limited(ConcurrentExecutions=10, UnreservedConcurrentExecutions=10)},
        "concurrency that is reserved",
        "of 0 executions",
    ),
    ({"GetAccount": {}}, _LOGS, "names none"),
    ({"GetRole": _only_logs}, _LOGS, "which is gone"),
    (
        {"GetRole": _only_gateway, "SimulatePrincipalPolicy": _refusing("iam:CreateServiceLinkedRole")},
        _LINKED,
        "may not make it",
    ),
    (
        {"SimulatePrincipalPolicy": _refusing("cloudformation:ExecuteChangeSet")},
        _DEPLOYING,
        "may not cloudformation:ExecuteChangeSet",
    ),
    (
        {"SimulatePrincipalPolicy": _refusing("secretsmanager:GetSecretValue", "allowed")},
        _DEPLOYING,
        "nothing that a job becomes ever should",
    ),
    ({"GetAccountSettings": _limited(TotalCodeSize=1000)}, "code that Lambda keeps", "of 1,000 bytes"),
    (
        {"GetBucketLifecycleConfiguration": refusal("NoSuchBucket")},
        f"objects in {PROD.bucket}",
        "no such bucket",
    ),
]


@pytest.mark.parametrize(("answers", "what", "told"), MISSING, ids=[f"{one[1]}: {one[2]}" for one in MISSING])
def test_each_thing_that_is_missing_is_told(answers: dict[str, Any], what: str, told: str) -> None:
    """Alone, with what to do about it; the exit status is 1."""
    remarks = look(**answers)
    found = [one for one in remarks if one.state in (WRONG, UNKNOWN)]

    assert any(one.what.startswith(what) and told in one.told for one in found), bad(remarks)
    assert all(one.resolve for one in found)
    assert 1 == status(remarks)


@pytest.mark.parametrize(("theirs", "meets"), [("staging", True), ("prod", False), ("stag", False)])
def test_one_that_may_touch_this_application_is_told(
    theirs: str, meets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`shop` in its environment `staging` may touch all of an application `shop-staging`, which knows no such one."""
    named = replace(PROD, application=replace(PROD.application, name="shop-staging"))
    monkeypatch.setattr(samconfig, "read", lambda *_: named)
    found = bad(look(ListStacks=_stacks("shop-bootstrap"), DescribeStacks=_stack(Environment=theirs)))

    assert meets == ("shop-staging-* is what the application 'shop' may touch" in found.get("name", ""))


def test_a_certificate_that_nothing_signs_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the deployment would be refused."""

    def check(*_: object) -> None:
        raise GateError(
            "F is to verify the database x, and its code holds no certificate.", "make certificates"
        )

    monkeypatch.setattr(authorities, "check", check)

    assert "holds no certificate" in bad(look())["TLS to the database"]


def test_a_service_makes_its_own_role_when_the_execution_role_may() -> None:
    """Fresh accounts have none: worth knowing, nothing to do."""
    remarks = look(GetRole=_only_gateway)
    (one,) = (one for one in remarks if one.what == _LINKED)

    assert (NOTE, 0) == (one.state, status(remarks))


def test_what_was_reserved_already_is_not_counted_twice() -> None:
    """A second deployment takes no more than the first."""
    held = look(
        GetAccountSettings=_limited(ConcurrentExecutions=1000, UnreservedConcurrentExecutions=110),
        GetFunctionConcurrency={"ReservedConcurrentExecutions": 50},
    )

    assert "concurrency that is reserved" not in bad(held)
    fresh = look(GetAccountSettings=_limited(ConcurrentExecutions=1000, UnreservedConcurrentExecutions=110))
    assert "concurrency that is reserved" in bad(fresh)


def test_what_may_not_be_read_is_no_all_clear() -> None:
    """One look that is refused leaves the others; the exit status is 2."""
    remarks = look(GetAccount=refusal("AccessDeniedException", "not authorized"))
    unknown = [one for one in remarks if one.state == UNKNOWN]

    assert ["asking for API Gateway's account"] == [one.what for one in unknown]
    assert "refused" in unknown[0].told
    assert 2 == status(remarks)
    assert any(one.what == "cost a month" for one in remarks)


def test_another_accounts_credentials_look_at_nothing() -> None:
    """Before anything else is asked."""
    session = Session(
        WELL
        | {"GetCallerIdentity": {"Account": "999999999999", "Arn": "arn:aws:iam::9:user/me", "UserId": "1"}}  # type: ignore[arg-type]
    )

    with pytest.raises(ConfigurationError, match="account 999999999999"):
        list(account.look(session, "prod", CHECKOUT))  # type: ignore[arg-type]
    assert ["GetCallerIdentity"] == [name for name, _ in session.asked]


def test_what_is_kept_for_ever_is_counted() -> None:
    """Objects that never expire, with their number; before S3 has counted them, without."""
    forever = {"GetBucketLifecycleConfiguration": refusal("NoSuchLifecycleConfiguration")}
    told = {one.what: one.told for one in look(**forever)}
    assert "none expires: 1,000 objects, 1,000 bytes" == told[f"objects in {PROD.bucket}"]

    none = look(**forever, GetMetricStatistics={"Datapoints": []})
    assert any("isn't known yet" in one.told for one in none)
    versions = sum(
        1 for _ in functions(next(one for one in _PROJECT.application if one.environment.name == "prod"))
    )
    assert [f"code that Lambda keeps, {versions} versions of this application among it"] == [
        one.what for one in look() if one.what.startswith("code")
    ]


def test_prices_are_dated_and_each_has_a_source() -> None:
    """And what wasn't read for a region is unknown, not guessed."""
    table = prices.table()

    assert all(one.source.startswith("https://aws.amazon.com/") for one in table.prices.values())
    assert dt.date(2026, 1, 1) < table.date
    assert 2.0 == table.prices["key"].of(2, "eu-west-1")
    assert table.prices["metric"].of(1, "mars-north-1") is None


def test_costs_are_added_up_and_the_unknown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and secrets cost the same everywhere; of metrics the table has one region."""
    remarks = {one.what: one for one in look()}
    assert "unknown: " in remarks["cost a month"].told
    assert f"by the prices of {prices.table().date}" in remarks["cost a month"].told
    if PROD.region != "us-east-1":
        assert remarks["cost of alarms"].told.startswith("unknown: ")
        assert "was read for us-east-1" in remarks["cost of alarms"].told

    everywhere = prices.Table(
        prices.table().date,
        {name: prices.Price(1.0, "each", ("*",), "https://x") for name in prices.table().prices},
    )
    monkeypatch.setattr(prices, "table", lambda: everywhere)
    remarks = {one.what: one for one in look()}
    keys = int(remarks["cost of keys"].told.split()[1].replace(",", ""))
    assert f"${keys:,.2f}: {keys} keys of KMS, at $1 each (https://x)" == remarks["cost of keys"].told


def test_metrics_that_cost_more_than_the_functions_are_told() -> None:
    """An API that nobody calls is measured method by method all the same."""
    idle = {one.what: one for one in look(GetMetricStatistics={"Datapoints": []})}
    assert NOTE == idle["metrics"].state
    assert "they cost more than the functions: $" in idle["metrics"].told

    def busy(asked: Mapping[str, Any]) -> dict[str, Any]:
        if asked["Namespace"] != "AWS/Lambda":
            return _metrics(asked)
        return {"Datapoints": [{"Timestamp": _NOW, "Sum": 1e12}]}

    assert "metrics" not in {one.what for one in look(GetMetricStatistics=busy)}


def test_methods_are_counted_where_each_is_measured() -> None:
    """Five metrics a method, as API Gateway's guide lists them; none where the stage measures itself alone."""
    measured = {one.what: one for one in look()}["cost of metrics of each method"].told

    assert any(f" {5 * number:,} metrics" in measured for number in range(200))
    assert 5 == len(prices.OF_A_METHOD)


def test_the_command_shows_an_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a profile too; with the exit status of what was seen."""
    asked: list[str | None] = []

    def session(profile: str | None, _: object) -> Session:
        asked.append(profile)
        return Session({**WELL, "GetAccount": {}})  # type: ignore[dict-item]

    monkeypatch.setattr(account, "session", session)
    monkeypatch.chdir(CHECKOUT)

    assert 1 == cli.main(["doctor", "prod", "--profile", "company-prod", "--format", "json"])
    data = json.loads(capsys.readouterr().out)
    assert ["company-prod"] == asked
    assert [_LOGS] == [one["what"] for one in data["remarks"] if one["state"] == WRONG]
    assert {"account of prod"} == {one["group"] for one in data["remarks"]}
