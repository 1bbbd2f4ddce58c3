"""Limits of AWS that grow with an application: a template's size, and the policy of a function with many routes."""

import json
from pathlib import Path

import pytest

from pipeline.gate.engines import own
from pipeline.source.located import parse
from pipeline.source.project import BOOTSTRAP, Project
from tests.pipeline.shop import SETTINGS, edited
from tests.rules import RULES

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parents[3]
LIMITS = next(rule for rule in RULES if rule.id == "template_limits")
ROUTE = """\
        Route{n}:
          Type: Api
          Properties:
            Path: /route{n}
            Method: GET
"""


def found(files: dict[str, bytes]) -> list[str]:
    """What the rule says of the repository's templates with these files in their places."""
    names = ("template.yaml", BOOTSTRAP, "samconfig.toml", "policies/settings.toml")
    real = {name: (ROOT / name).read_bytes() for name in names}
    return [one.message for one in own.apply(LIMITS, Project(ROOT, {**real, **files}))]


def test_a_template_is_no_larger_than_aws_takes() -> None:
    """1 MB by S3 (CloudFormation's user guide, "Understand CloudFormation quotas"; cfn-lint: 10^6)."""
    text, most = (ROOT / "template.yaml").read_bytes(), 1_000_000
    room = most - len(text)

    assert room > 0
    assert [] == found({"template.yaml": text + b"#" * room})
    assert [f"the template has {most + 1} bytes, and AWS takes {most}"] == found(
        {"template.yaml": text + b"#" * (room + 1)}
    )


def test_the_bootstrap_is_no_larger_than_a_call_takes() -> None:
    """51,200 bytes (the same guide), without comments and blanks: so `bootstrap --output` writes it."""
    text, most = (ROOT / BOOTSTRAP).read_bytes(), 51_200
    lines = text.split(b"\n", 2)
    assert lines[1].startswith(b"Description: ")

    def of_size(more: int) -> list[str]:
        return found({BOOTSTRAP: b"\n".join([lines[0], lines[1] + b"x" * more, lines[2]])})

    small = len(parse(text.decode(), BOOTSTRAP).compact.encode())

    assert [] == found({BOOTSTRAP: text + b"#" * most})
    assert [] == of_size(most - small)
    assert [f"the template has {most + 1} bytes, and AWS takes {most}"] == of_size(most - small + 1)


def test_a_function_with_too_many_routes_is_told_of() -> None:
    """The policy is that of Lambda's own GetPolicy, as each event adds to it; 20 KB by "Lambda quotas"."""
    head = "      Events:\n"

    def told(count: int) -> list[str]:
        routes = "".join(ROUTE.format(n=number) for number in range(count))
        return found(
            {"template.yaml": edited((head, head + routes)).encode(), "samconfig.toml": SETTINGS.encode()}
        )

    statement = {
        "Sid": "shop-prod-AppFunctionRoute10Permissionlive-AAAAAAAAAAAA",
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:eu-west-1:222222222222:function:shop-prod-app:live",
        "Condition": {
            "ArnLike": {
                "AWS:SourceArn": "arn:aws:execute-api:eu-west-1:222222222222:a1b2c3d4e5/*/GET/route10"
            }
        },
    }
    fits = 20_480 // len(json.dumps(statement))

    assert [] == told(fits - 3)
    assert told(fits + 3)
    assert all("AppFunction" in one for one in told(fits + 3))
