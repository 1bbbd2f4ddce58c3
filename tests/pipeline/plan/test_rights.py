"""Rights that take in others."""

import pytest

from pipeline.iam.rights import Right, Rights, Taken, gained


def right(action: Taken, resource: Taken) -> Right:
    return Right("Role", action, resource, "", "{}")


def only(*patterns: str) -> Taken:
    return Taken(patterns)


def but(*patterns: str) -> Taken:
    return Taken(patterns, left_out=True)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ((only("s3:Get*"), only("*")), (only("S3:getobject"), only("*")), False),  # actions: in any case
        ((only("s3:Get?"), only("*")), (only("s3:Get*"), only("*")), True),
        (
            (only("s3:Get*"), only("arn:aws:s3:::Prod/*")),
            (only("s3:Get*"), only("arn:aws:s3:::prod/*")),
            True,
        ),
        ((but("s3:*"), only("*")), (but("s3:Get*"), only("*")), True),  # less is left out
        ((but("s3:Get*"), only("*")), (but("s3:*"), only("*")), False),
        ((but("iam:*"), only("*")), (but("iam:*", "s3:*"), only("*")), False),
        ((but("iam:*", "s3:*"), only("*")), (but("iam:*"), only("*")), True),
        ((only("*"), only("*")), (but("iam:*"), only("*")), False),
        ((but("iam:*"), only("*")), (only("*"), only("*")), True),
        ((only("*"), but("arn:a")), (only("*"), but("arn:b")), True),
    ],
)
def test_what_is_gained(before: tuple[Taken, Taken], after: tuple[Taken, Taken], more: bool) -> None:
    """A right is gained where no former one takes in all of it."""
    found = gained(Rights({right(*before): "before"}, {}), Rights({right(*after): "after"}, {}))

    assert (("after",) if more else ()) == found
