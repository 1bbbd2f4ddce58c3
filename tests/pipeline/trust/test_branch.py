"""The branch that deploys is the application's: its tokens are the ones that dev's role may let in."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.iam.matrix import enters
from pipeline.iam.subjects import DEPLOYING, Jobs, Repository, refs, strangers

OWN = Repository("octo", "cat", "1", "2")


@pytest.mark.parametrize(
    ("event", "filters", "expected"),
    [
        ("schedule", {}, ("refs/heads/trunk",)),
        ("pull_request_target", {}, ("refs/heads/trunk",)),
        ("pull_request_target", {"branches": ["main"]}, ("refs/heads/main",)),
        ("push", {}, ("refs/heads/trunk", "refs/heads/*", "refs/tags/*")),
        ("push", {"branches": ["main"]}, ("refs/heads/main",)),
    ],
)
def test_an_event_is_of_the_branch_unless_it_says_another(
    event: str, filters: dict[str, object], expected: tuple[str, ...]
) -> None:
    """What GitHub runs on the default branch, it runs on trunk here."""
    assert expected == refs(event, filters, "trunk")


@pytest.mark.parametrize(
    ("promoted", "ref", "expected"),
    [
        (False, "refs/heads/trunk", True),
        (False, "refs/heads/main", False),
        (False, "refs/tags/v1.0.0", False),
        (True, "refs/tags/v1.0.0", True),
        (True, "refs/heads/trunk", False),
    ],
)
def test_a_push_to_the_branch_deploys(promoted: bool, ref: str, expected: bool) -> None:
    """main is a branch like any other then; what is promoted comes by a tag."""
    run: Any = SimpleNamespace(event="push")

    assert expected == enters(run, promoted, ref, "trunk")


def test_strangers_are_tried_with_the_branch() -> None:
    """A job without an environment may be on it, and still is nobody that a role lets in."""
    tried = {who: token.ref for who, token in strangers(OWN, Jobs("dev", DEPLOYING), (), "trunk")}

    assert "refs/heads/trunk" == tried["a job without an environment, on trunk"]
