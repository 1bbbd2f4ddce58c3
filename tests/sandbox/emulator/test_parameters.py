"""What a stack tells of its parameters."""

import pytest

from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e


def test_an_ssm_parameter_is_told_by_its_name(cloud: Cloud) -> None:
    """A stack tells the SSM parameter's name as the value, and beside it what it resolved to."""
    cloud.client("ssm").put_parameter(Name="/told/port", Value="5432", Type="String")
    template = {
        "Parameters": {"Port": {"Type": "AWS::SSM::Parameter::Value<String>"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    }
    cloud.deploy("told", template, Parameters=[{"ParameterKey": "Port", "ParameterValue": "/told/port"}])

    told = cloud.client("cloudformation").describe_stacks(StackName="told")["Stacks"][0]["Parameters"]

    assert [{"ParameterKey": "Port", "ParameterValue": "/told/port", "ResolvedValue": "5432"}] == told
