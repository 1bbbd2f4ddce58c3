from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from sandbox.github.protection import Rule, approver, read, refusal


@pytest.mark.parametrize(
    ("environment", "ref"),
    [
        ("dev", "refs/heads/main"),
        ("prod", "refs/tags/v1.2.3"),
        ("preview", "refs/heads/anything"),  # no rules: GitHub makes such an environment on first use
    ],
)
def test_lets_in_what_the_rules_name(environment: str, ref: str) -> None:
    """dev takes main, prod takes release tags, an environment without rules takes all."""
    assert "" == refusal(read(), environment, ref)


@pytest.mark.parametrize(
    ("environment", "ref", "expected"),
    [
        ("prod", "refs/heads/main", 'Branch "main" is not allowed to deploy to prod'),
        ("PROD", "refs/heads/main", 'Branch "main" is not allowed to deploy to PROD'),
        ("prod", "refs/tags/v1.2", 'Tag "v1.2" is not allowed to deploy to prod'),
        ("prod", "refs/heads/v1.2.3", 'Branch "v1.2.3" is not allowed to deploy to prod'),
        ("dev", "refs/tags/main", 'Tag "main" is not allowed to deploy to dev'),
        ("dev", "refs/heads/topic", 'Branch "topic" is not allowed to deploy to dev'),
        ("dev", "refs/pull/7/merge", '"refs/pull/7/merge" is not allowed to deploy to dev'),
    ],
)
def test_keeps_out_everything_else(environment: str, ref: str, expected: str) -> None:
    """A branch named like a tag, a tag named like a branch and a pull request don't get in, and are told why."""
    found = refusal(read(), environment, ref)

    assert f"{expected} due to environment protection rules." == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[prod]\nbranch = []\n", r"\[prod\] is wrong"),
        ('[prod]\ntags = "v*"\n', r"\[prod\] is wrong"),
        ("prod = 1\n", r"\[prod\] is wrong"),
        ("[prod", "can't be read"),
    ],
)
def test_names_what_is_wrong_in_the_file(tmp_path: Path, text: str, said: str) -> None:
    """A rule that would be ignored for a slip of the pen is an error."""
    path = tmp_path / "environments.toml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=said):
        read(path)


def test_a_missing_list_is_empty(tmp_path: Path) -> None:
    """An environment with tag rules alone takes no branch."""
    path = tmp_path / "environments.toml"
    path.write_text('[prod]\ntags = ["v*"]\n')

    assert {"prod": Rule((), ("v*",))} == read(path)


@pytest.mark.parametrize(
    ("environment", "actor", "expected"),
    [("dev", "alice", ""), ("other", "alice", ""), ("prod", "alice", "carol"), ("Prod", "carol", "dave")],
)
def test_somebody_else_approves(environment: str, actor: str, expected: str) -> None:
    """Where an environment has reviewers, one who did not start the deployment approves it."""
    assert expected == approver(read(), environment, actor)


def test_nobody_approves_their_own_deployment() -> None:
    """An only reviewer can't approve what they started."""
    assert approver({"prod": Rule(reviewers=("alice",))}, "prod", "alice") is None
