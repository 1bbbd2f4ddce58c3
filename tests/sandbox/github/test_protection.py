import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from sandbox.github.protection import Rule, approver, read, refusal

RULES = read(CHECKOUT, "main")


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
    assert "" == refusal(RULES, environment, ref)


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
    found = refusal(RULES, environment, ref)

    assert f"{expected} due to environment protection rules." == found


def team(folder: Path, owners: str, **prod: Any) -> Path:
    """A repository with its own owners, and an environment of its own."""
    (folder / ".github/environments").mkdir(parents=True)
    (folder / ".github/CODEOWNERS").write_text(owners)
    rules = {
        "branches": [],
        "tags": [],
        "reviewers": [],
        "prevent_self_review": True,
        "can_admins_bypass": False,
    }
    (folder / ".github/environments/prod.json").write_text(json.dumps(rules | prod))
    return folder


def test_reviewers_are_the_repositorys_own(tmp_path: Path) -> None:
    """Whatever CODEOWNERS calls a team, its members approve; a person is asked by name; of a team that it doesn't
    know nobody is there; and the default branch may have any name."""
    root = team(
        tmp_path,
        "* @shop/web\n/pipeline/ @shop/ops\n/policies/ @erin\n",
        branches=["~DEFAULT_BRANCH"],
        reviewers=["platform", "security", "@shop/others"],
    )
    rule = read(root, "trunk")["prod"]

    assert ("trunk",) == rule.branches
    assert {"shop/ops": ("carol", "dave"), "erin": ("erin",), "shop/others": ()} == rule.reviewers


def test_names_what_is_wrong_in_the_file(tmp_path: Path) -> None:
    """A rule that would be ignored for a slip of the pen is an error."""
    with pytest.raises(ConfigurationError, match=r"environments/prod\.json: tags is 'v\*'"):
        read(team(tmp_path, "", tags="v*"), "main")


@pytest.mark.parametrize(
    ("environment", "actor", "expected"),
    [("dev", "alice", ""), ("other", "alice", ""), ("prod", "alice", "carol"), ("Prod", "carol", "dave")],
)
def test_somebody_else_approves(environment: str, actor: str, expected: str) -> None:
    """Where an environment has reviewers, one who did not start the deployment approves it."""
    assert expected == approver(RULES, environment, actor)


def test_nobody_approves_their_own_deployment() -> None:
    """An only reviewer can't approve what they started."""
    assert approver({"prod": Rule(reviewers={"alice": ("alice",)})}, "prod", "alice") is None
