"""Traffic that moves in steps: asked before, a share, a wait, all; and back for an alarm, a hook, or a missing right.

What AWS does: CloudFormation user guide, "UpdatePolicy attribute", CodeDeployLambdaAliasUpdate; CodeDeploy user guide,
"AppSpec 'hooks' section" and "Deployment configurations on an AWS Lambda compute platform".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import ACCOUNT, Cloud, archive
from tests.waiting import until

pytestmark = pytest.mark.e2e
_HERE = f"eu-west-1:{ACCOUNT}"
_HOOK = """
import boto3

def handler(event, context):
    if {answer!r}:
        boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status={answer!r},
        )
"""
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["codedeploy.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


def _allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


_RIGHTS = ("cloudwatch:DescribeAlarms", "lambda:GetAlias", "lambda:UpdateAlias", "lambda:InvokeFunction")


@dataclass(frozen=True)
class Moving:
    """A function with two versions, the first behind an alias of a stack."""

    cloud: Cloud
    name: str
    role: str
    hook: str = ""
    gradual: bool = True
    kind: str = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    live: str = "Live"  # the alias's logical id

    @property
    def alarm(self) -> str:
        return f"{self.name}-alarm"

    def template(self, version: str) -> dict[str, Any]:
        policy = {"ApplicationName": {"Ref": "A"}, "DeploymentGroupName": {"Ref": "G"}}
        if self.hook:
            policy["BeforeAllowTrafficHook"] = self.hook  # type: ignore[assignment]
        group = {
            "ApplicationName": {"Ref": "A"},
            "ServiceRoleArn": self.role,
            "DeploymentConfigName": self.kind,
            "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": self.alarm}]},
        }
        alias: dict[str, Any] = {
            "Type": "AWS::Lambda::Alias",
            "Properties": {"Name": "live", "FunctionName": self.name, "FunctionVersion": version},
        }
        made = {
            "A": {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "Lambda"}},
            "G": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": group},
        }
        if self.gradual:
            alias["UpdatePolicy"] = {"CodeDeployLambdaAliasUpdate": policy}
        return {"Resources": {self.live: alias, **(made if self.gradual else {})}}

    def begin(self, version: str = "2") -> None:
        """Update the stack to a version."""
        self.cloud.client("cloudformation").update_stack(
            StackName=self.name,
            TemplateBody=json.dumps(self.template(version)),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )

    def alias(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.cloud.client("lambda").get_alias(FunctionName=self.name, Name="live")
        return found

    def ring(self, state: str) -> None:
        self.cloud.client("cloudwatch").set_alarm_state(
            AlarmName=self.alarm, StateValue=state, StateReason="a test"
        )

    def weight(self) -> float:
        """The share of the second version's traffic, once it has some."""
        found = until(lambda: self.alias().get("RoutingConfig"), "the first step")
        return float(found["AdditionalVersionWeights"]["2"])

    def reasons(self) -> str:
        events = self.cloud.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(event.get("ResourceStatusReason", "") for event in events)


def moving(
    cloud: Cloud,
    name: str,
    *,
    rights: tuple[str, ...] = _RIGHTS,
    answer: str | None = None,
    live: str = "Live",
) -> Moving:
    """With a hook that gives this answer to CodeDeploy, "" for none at all."""
    functions = cloud.client("lambda")
    for number in (1, 2):
        code = f"def handler(event, context): return {number}"
        if number == 1:
            cloud.function(name, code, cloud.role(name))
        else:
            functions.update_function_code(FunctionName=name, ZipFile=archive(code))
        functions.publish_version(FunctionName=name)
    hook = ""
    if answer is not None:
        hook = f"{name}-hook"
        may = _allow("codedeploy:PutLifecycleEventHookExecutionStatus")
        cloud.function(hook, _HOOK.format(answer=answer), cloud.role(hook, may))
    role = cloud.role(f"{name}-codedeploy", _allow(*rights), trust=_TRUST)
    found = Moving(cloud, name, role, hook, live=live)
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=found.alarm,
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    assert "CREATE_COMPLETE" == cloud.deploy(name, found.template("1"))
    assert "1" == found.alias()["FunctionVersion"]
    return found


def test_traffic_moves_in_steps(cloud: Cloud) -> None:
    """A tenth first, which arrives, then all; the hook was asked before, and its answer taken."""
    one = moving(cloud, "steps", answer="Succeeded")
    one.begin()

    assert 0.1 == one.weight()
    assert "UPDATE_COMPLETE" == cloud.settled("steps")
    assert ("2", None) == (one.alias()["FunctionVersion"], one.alias().get("RoutingConfig"))


def test_a_ringing_alarm_keeps_a_deployment_from_beginning(cloud: Cloud) -> None:
    """aws/serverless-application-model#716; and without CodeDeploy the alias moves all the same."""
    one = moving(cloud, "rings", answer="Succeeded")
    one.ring("ALARM")
    one.begin()

    assert "UPDATE_ROLLBACK_COMPLETE" == cloud.settled("rings")
    assert "ALARM_ACTIVE: The alarm rings-alarm is in ALARM." in one.reasons()
    assert "1" == one.alias()["FunctionVersion"]

    at_once = Moving(cloud, "rings", one.role, gradual=False)
    at_once.begin()

    assert "UPDATE_COMPLETE" == cloud.settled("rings"), one.reasons()
    assert "2" == one.alias()["FunctionVersion"]


def test_what_the_policy_names_is_made_before_the_alias_moves(cloud: Cloud) -> None:
    """As after a release that was put back all at once: the next one brings the deployment group again.

    The user guide's example names application and group by Ref alone, without DependsOn.
    """
    one = moving(cloud, "again", live="Alias")
    replace(one, gradual=False).begin("1")
    assert "UPDATE_COMPLETE" == cloud.settled("again"), one.reasons()
    one.begin()

    assert 0.1 == one.weight()
    assert "UPDATE_COMPLETE" == cloud.settled("again"), one.reasons()


def test_an_alarm_during_the_deployment_takes_the_traffic_back(cloud: Cloud) -> None:
    """From the share that it has got."""
    one = moving(cloud, "taken-back")
    one.begin()
    one.weight()
    one.ring("ALARM")

    assert "UPDATE_ROLLBACK_COMPLETE" == cloud.settled("taken-back")
    assert "ALARM_ACTIVE" in one.reasons()
    assert ("1", None) == (one.alias()["FunctionVersion"], one.alias().get("RoutingConfig"))


@pytest.mark.parametrize("answer", ["Failed", ""])
def test_no_traffic_without_the_hook_s_yes(cloud: Cloud, answer: str) -> None:
    """Neither for a no, nor for none."""
    name = f"hook-{answer or 'silent'}"
    one = moving(cloud, name, answer=answer)
    one.begin()

    assert "UPDATE_ROLLBACK_COMPLETE" == cloud.settled(name)
    assert f"{name}-hook answered {answer or 'Pending'}" in one.reasons()
    assert "1" == one.alias()["FunctionVersion"]


@pytest.mark.parametrize("lacking", _RIGHTS)
def test_codedeploy_has_its_role_s_rights_alone(cloud: Cloud, lacking: str) -> None:
    """One that lacks a right fails with it, and moves nothing."""
    name = f"lacks-{lacking.partition(':')[2]}"
    rights = tuple(right for right in _RIGHTS if right != lacking)
    one = moving(cloud, name, rights=rights, answer="Succeeded")
    one.begin()

    assert "UPDATE_ROLLBACK_COMPLETE" == cloud.settled(name)
    assert f"not authorized to perform: {lacking}" in one.reasons()
    assert "1" == one.alias()["FunctionVersion"]


def test_an_answer_is_taken_once_and_for_what_waits(cloud: Cloud) -> None:
    """Nobody answers for a deployment that isn't there."""
    with pytest.raises(ClientError, match="DeploymentDoesNotExistException"):
        cloud.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId="d-NONE", lifecycleEventHookExecutionId="x", status="Succeeded"
        )


def test_an_alias_with_weights_sends_a_share(cloud: Cloud) -> None:
    """Half of the calls to the second version: some arrive at each."""
    one = moving(cloud, "halves")
    cloud.client("lambda").update_alias(
        FunctionName="halves", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )

    assert {1, 2} == {cloud.invoke("halves:live") for _ in range(40)}
    assert "1" == one.alias()["FunctionVersion"]
