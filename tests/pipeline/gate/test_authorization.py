"""Which ARNs an action can be for: the reference's own patterns, and IAM's matching of * and ?."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.iam import authorization
from pipeline.iam.authorization import arns, meets, without_resources
from pipeline.source.values import Hole, Partial

pytestmark = pytest.mark.outside

FILLED = {"Partition": "aws", "Region": "eu-west-1", "Account": "111111111111", "SecretId": "name-a1B2c3"}


def filled(pattern: str) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda hole: FILLED.get(hole[1], "name"), pattern)


def test_an_arn_of_the_reference_meets_its_pattern() -> None:
    """Each pattern of each service, filled in, is met by itself, and by a policy that leaves it open."""
    patterns = {each for service in authorization._services().values() for each in service.arns}

    assert len(patterns) > 1000
    assert [] == [one for one in patterns if not meets("*", one) or not meets("arn:*", one)]
    assert [] == [one for one in patterns if "*" not in one and not meets(filled(one), one)]


@given(
    pattern=st.text("ab*?:/-", max_size=9),
    text=st.text("ab:/-", max_size=9),
)
def test_wildcards_match_as_in_iam(pattern: str, text: str) -> None:
    """Against a plain text, a policy's pattern matches what the standard library's matching says."""
    assert fnmatchcase(text, pattern) == meets(pattern, text)


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111111111111:parameter/a/b", True),
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111111111111:parameter//a/b", False),
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111111111111:parameter*", True),
        ("s3:GetObject", "arn:aws:s3:::bucket", False),
        ("s3:ListBucket", "arn:aws:s3:::bucket/*", False),
        ("s3:GetObject", "arn:aws:s3:eu-west-1:111111111111:bucket/*", False),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:111111111111:secret:a-??????",
            True,
        ),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:111111111111:secret:a-?????",
            False,
        ),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:name", False),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111111111111:log-group:/a", False),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111111111111:log-group:/a:*", True),
        ("logs:TagResource", "arn:aws:logs:eu-west-1:111111111111:log-group:/a", True),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111111111111:function:a:live", True),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:a", False),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:alias/a", False),
    ],
)
def test_documented_arns(action: str, resource: str, expected: bool) -> None:
    """As the services' own guides write them; each source is named where the code departs from the reference."""
    assert expected == any(meets(resource, each) for found in arns(action).values() for each in found)


def test_what_only_aws_knows_may_be_anything() -> None:
    """A hole stands for any text, in any part."""
    known = Partial("arn:aws:sqs:", Hole("Region"), ":111111111111:", Hole("Queue", "QueueName"))
    wrong = Partial("arn:aws:sns:", Hole("Region"), ":111111111111:", Hole("Topic", "TopicName"))
    (patterns,) = arns("sqs:SendMessage").values()

    assert [True, False] == [any(meets(one, each) for each in patterns) for one in (known, wrong)]


def test_actions_that_know_no_resource() -> None:
    """By the reference; a pattern of actions knows none if each that it takes in knows none."""
    actions = ["s3:ListAllMyBuckets", "xray:Put*", "s3:List*", "sqs:SendMessage", "made:Up"]

    assert [True, True, False, False, False] == [without_resources(one) for one in actions]
