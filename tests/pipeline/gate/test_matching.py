"""Patterns of IAM policies, by the words of the IAM User Guide ("IAM JSON policy elements")."""

import pytest

from pipeline.iam.matching import action_like, includes, like, texts


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("arn:aws:iam::1:user/Bob", "arn:aws:iam::1:user/B?b", True),
        (
            "arn:aws:iam::1:user/Bob",
            "arn:aws:iam::1:user/bob",
            False,
        ),  # Resource: "the user name is case sensitive"
        (
            "amzn-s3-demo-bucket/1/test/",
            "amzn-s3-demo-bucket/*/test/*",
            True,
        ),  # Resource: the page's own examples
        ("amzn-s3-demo-bucket/1///test///object.jpg", "amzn-s3-demo-bucket/*/test/*", True),
        ("amzn-s3-demo-bucket/1-test/object.jpg", "amzn-s3-demo-bucket/*/test/*", False),
        ("amzn-s3-demo-bucket/1/2/test.jpg", "amzn-s3-demo-bucket/*/test/*", False),
        ("a\nb", "a*b", True),
        ("a", "a?", False),  # any single character, and not none
        ("a[bc]", "a[bc]", True),  # brackets are no sets
        ("ab", "a[bc]", False),
        ("a!b", "a[!x]b", False),
        ("a*", "a${*}", True),  # Variables and tags: special characters
        ("ab", "a${*}", False),
        ("a?", "a${?}", True),
        ("ab", "a${?}", False),
        ("a$", "a${$}", True),
        ("a${Name}", "a${Name}", True),
    ],
)
def test_what_a_pattern_takes_in(text: str, pattern: str, expected: bool) -> None:
    """A star is any text, a question mark one character, everything else itself, in its case."""
    assert expected is like(text, pattern)


@pytest.mark.parametrize(
    ("action", "pattern", "expected"),
    [
        ("iam:ListAccessKeys", "IAM:listaccesskeys", True),  # the page's own example, for Action
        ("s3:GetObject", "S3:get*", True),
        ("s3:GetObject", "s3:Get?bject", True),
        ("s3:PutObject", "s3:Get*", False),
    ],
)
def test_actions_are_the_same_in_any_case(action: str, pattern: str, expected: bool) -> None:
    """Prefix and name alike."""
    assert expected is action_like(action, pattern)


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("*", "s3:*", True),
        ("s3:*", "s3:Get*", True),
        ("s3:Get*", "s3:*", False),
        ("s3:Get*", "s3:Get*", True),
        ("s3:Get?", "s3:Get*", False),
        ("s3:Get?", "s3:Get?", True),
        ("s3:Get*", "s3:Get?", True),
        ("s3:Get", "s3:Get*", False),
        ("*a", "*a*", False),
        ("a*b*c", "a*c", False),
        ("a*c", "a*b*c", True),
        ("a*", "a${*}", True),
        ("a?", "a${*}", True),
        ("a${*}", "a*", False),
    ],
)
def test_a_pattern_that_takes_in_another(wide: str, narrow: str, expected: bool) -> None:
    """Whatever the narrow one stands for, the wide one stands for."""
    assert expected is includes(wide, narrow)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("a", ["a"]),
        (["a", 1], ["a", "1"]),
        (False, ["false"]),
        ([True], ["true"]),
        ([], []),
    ],
)
def test_one_value_or_a_list(value: object, expected: list[str]) -> None:
    """As texts, truth values as JSON writes them."""
    assert expected == texts(value)


def test_a_hostile_pattern_ends() -> None:
    """Forty stars on a long text are no endless search."""
    assert not like("a" * 5000, "*a" * 40 + "b")
