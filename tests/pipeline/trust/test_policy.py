"""Trust policies one by one: what the comparison with the emulator can't tell, since the emulator doesn't know it."""

from typing import Any

import pytest

from pipeline.iam.matching import arn_like
from pipeline.iam.operators import UnknownOperatorError, holds
from pipeline.iam.trust_policy import ASSUME, PROVIDER, Request, allows

ARN = f"arn:aws:iam::111111111111:oidc-provider/{PROVIDER}"
DEV = "repo:acme/app:environment:dev"
SUB = f"{PROVIDER}:sub"


def lets_in(statement: dict[str, Any], **context: str) -> bool:
    """Whether a policy of this one statement lets in what has these keys."""
    known = {f"{PROVIDER}:{name}": (value,) for name, value in {"sub": DEV, **context}.items()}
    document = {"Statement": {"Effect": "Allow", "Action": ASSUME, **statement}}
    return allows(document, Request(ARN, known))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"NotPrincipal": {"Federated": ARN}}, False),
        ({"NotPrincipal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/other"}}, True),
        ({"NotPrincipal": {"AWS": "111111111111"}}, True),
        ({"NotPrincipal": "*"}, False),
        ({"Principal": {"Federated": "*"}}, True),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, False),
        ({}, False),
    ],
)
def test_principals(statement: dict[str, Any], expected: bool) -> None:
    """NotPrincipal is everybody else; services and accounts are no web identities."""
    assert expected is lets_in(statement)


@pytest.mark.parametrize(
    ("expected", "works"),
    [
        (f"repo:acme/app:environment:${{{PROVIDER}:environment}}", True),
        (f"repo:acme/app:environment:${{{PROVIDER}:environment, 'prod'}}", True),
        (f"repo:acme/app:environment:${{{PROVIDER}:ref}}", False),
        ("repo:acme/app:environment:${Environment}", False),
    ],
)
def test_policy_variables(expected: str, works: bool) -> None:
    """A variable is what the request says; what the request lacks matches nothing."""
    statement = {"Principal": {"Federated": ARN}, "Condition": {"StringEquals": {SUB: expected}}}

    assert works is lets_in(statement, environment="dev")


def test_one_denial_outweighs_every_permission() -> None:
    """In whatever order they stand."""
    allow = {"Effect": "Allow", "Action": "*", "Principal": "*"}
    deny = {
        "Effect": "Deny",
        "Action": ASSUME,
        "Principal": "*",
        "Condition": {"StringLike": {SUB: "repo:*"}},
    }
    asked = Request(ARN, {SUB: (DEV,)})

    assert allows({"Statement": [allow]}, asked)
    assert not allows({"Statement": [allow, deny]}, asked)
    assert not allows({"Statement": [deny, allow]}, asked)


def test_a_wildcard_of_an_arn_stays_in_its_part() -> None:
    """Unlike StringLike's, and unlike the emulator's."""
    assert arn_like("arn:aws:iam::1:role/a/b", "arn:aws:iam::1:role/*")
    assert arn_like("arn:aws:sns:eu:1:a:b", "arn:aws:sns:*:1:*")
    assert not arn_like("arn:aws:iam::1:role/a", "arn:*")
    assert not arn_like("arn:aws:iam::1:role/a:x:y", "arn:aws:*:1:role/a:x:y")
    assert not arn_like("no ARN", "arn:aws:iam::1:role/a")


def test_several_values_without_a_set_operator_must_all_match() -> None:
    """IAM refuses such policies for keys that it knows to have several; what is asked here is the stricter reading."""
    assert holds("StringEquals", ["a", "b"], ["a", "b"])
    assert not holds("StringEquals", ["a", "c"], ["a", "b"])


@pytest.mark.parametrize(
    "operator", ["StringMatches", "ForSomeValues:StringEquals", "IfExists", "", "Null:Bool"]
)
def test_an_operator_that_iam_does_not_know(operator: str) -> None:
    """It is an error with its name, never a verdict."""
    with pytest.raises(UnknownOperatorError, match=operator or "^$"):
        holds(operator, ["a"], ["a"])


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("NumericEquals", "one", "1"),
        ("NumericLessThan", "1", "many"),
        ("DateLessThan", "yesterday", "2026-01-01T00:00:00Z"),
        ("IpAddress", "localhost", "127.0.0.0/8"),
        ("IpAddress", "127.0.0.1", "home"),
        ("ArnLike", "role/a", "arn:aws:iam::1:role/*"),
    ],
)
def test_a_value_of_another_kind_does_not_compare(operator: str, value: str, expected: str) -> None:
    """Nor does it end the evaluation."""
    assert not holds(operator, [value], [expected])


@pytest.mark.parametrize("document", [{}, {"Statement": "all"}, {"Statement": [1]}])
def test_a_document_that_is_no_policy(document: dict[str, Any]) -> None:
    """It is told of, not passed over."""
    with pytest.raises(TypeError, match="a statement is"):
        allows(document, Request(ARN, {}))
