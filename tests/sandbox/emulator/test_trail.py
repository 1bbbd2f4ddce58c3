"""What was decided about callers is kept."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e


def test_decisions_are_kept(cloud: Cloud) -> None:
    """Who asked for what on which resource, and whether it was allowed and by which statement."""
    here = "arn:aws:ssm:eu-west-1:111111111111:parameter"
    cloud.client("ssm").put_parameter(Name="/trail/a", Value="a", Type="String")
    allowed = {
        "Sid": "One",
        "Effect": "Allow",
        "Action": "ssm:GetParameter",
        "Resource": f"{here}/trail/a",
    }
    client = cloud.client("ssm", cloud.become(cloud.role("leaves-a-trail", allowed)))
    client.get_parameter(Name="/trail/a")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_parameter(Name="/trail/b")

    kept = [json.loads(line) for line in cloud.aws.trail.read_text().splitlines()]
    mine = [one for one in kept if ":assumed-role/leaves-a-trail/" in one["principal"]]
    names = ("action", "resource", "decision", "sid")

    assert [
        ("ssm:GetParameter", f"{here}/trail/a", "Allow", "One"),
        ("ssm:GetParameter", f"{here}/trail/b", "ImplicitDeny", ""),
    ] == [tuple(one[name] for name in names) for one in mine]
