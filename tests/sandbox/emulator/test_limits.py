"""The list of what the sandbox leaves out is whole, shown, and true."""

import json
import tomllib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.base.run import CHECKOUT
from tests.sandbox.emulator.cloud import Cloud

_LIMITS: dict[str, Any] = tomllib.loads((CHECKOUT / "sandbox" / "limits.toml").read_text(encoding="utf-8"))


@pytest.mark.e2e
def test_every_refused_type_is_refused(cloud: Cloud) -> None:
    """A type that the emulator learns must leave the list."""
    template = {"Resources": {f"R{n}": {"Type": kind} for n, kind in enumerate(_LIMITS["refused_types"])}}

    with pytest.raises(ClientError, match="Unrecognized resource types") as caught:
        cloud.deploy("refused-types", template)

    named = str(caught.value).rpartition("[")[2].rstrip("]").split(", ")
    assert _LIMITS["refused_types"] == sorted(named)


@pytest.mark.e2e
def test_a_stack_policy_keeps_nothing(cloud: Cloud) -> None:
    """What a stack policy forbids is done all the same."""
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1}}}}
    cloud.deploy("policy", template)
    stacks = cloud.client("cloudformation")
    everything = {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    stacks.set_stack_policy(StackName="policy", StackPolicyBody=json.dumps({"Statement": [everything]}))
    template["Resources"]["Q"]["Properties"] = {"DelaySeconds": 2}
    stacks.update_stack(StackName="policy", TemplateBody=json.dumps(template))

    assert "UPDATE_COMPLETE" == cloud.settled("policy")
