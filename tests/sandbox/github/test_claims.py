from typing import Any

import pytest

from pipeline.iam.trust_policy import CLAIMS
from sandbox.github import event as events
from sandbox.github.claims import SubjectForm, claims, subject
from sandbox.github.event import Event, PullRequest, Repository

REPOSITORY = Repository("acme", "ledger")
COMMIT = "a" * 40
PULL = PullRequest(7, "Title", "topic", "main", "b" * 40, COMMIT, "c" * 40, "alice", REPOSITORY, ("a.py",))
MAIN = events.push(REPOSITORY, "refs/heads/main", COMMIT, "alice")
TAG = events.push(REPOSITORY, "refs/tags/v1.0.0", COMMIT, "alice")
DISPATCH = events.dispatch(REPOSITORY, ".github/workflows/rollback.yml", "refs/heads/main", COMMIT, "bob", {})


@pytest.mark.parametrize(
    ("event", "environment", "expected"),
    [
        (MAIN, "", "ref:refs/heads/main"),
        (MAIN, "dev", "environment:dev"),
        (MAIN, "prod:eu", "environment:prod%3Aeu"),
        (TAG, "", "ref:refs/tags/v1.0.0"),
        (TAG, "prod", "environment:prod"),
        (PULL.event(REPOSITORY), "", "pull_request"),
        (PULL.event(REPOSITORY), "dev", "environment:dev"),
        (PULL.event(REPOSITORY, name="pull_request_target"), "", "ref:refs/heads/main"),
        (DISPATCH, "", "ref:refs/heads/main"),
        (events.schedule(REPOSITORY, "0 3 * * *", COMMIT), "", "ref:refs/heads/main"),
    ],
)
@pytest.mark.parametrize(
    ("form", "prefix"), [("names", "repo:acme/ledger"), ("ids", "repo:acme@1001/ledger@2002")]
)
def test_the_subject_of_every_event_in_both_forms(
    event: Event, environment: str, expected: str, form: SubjectForm, prefix: str
) -> None:
    """The environment comes first, then pull_request, then the ref; names or names with ids."""
    assert f"{prefix}:{expected}" == subject(REPOSITORY, event, environment, form)


def of(event: Event, environment: str = "") -> dict[str, Any]:
    return claims(
        REPOSITORY,
        event,
        workflow="Deploy dev",
        workflow_path=".github/workflows/deploy-dev.yml",
        job_workflow=".github/workflows/deploy.yml@refs/heads/main",
        job_workflow_sha="d" * 40,
        environment=environment,
        run_id=9,
        run_number=3,
    )


def test_holds_githubs_claims() -> None:
    """Every claim of GitHub's reference is there, as text where GitHub sends text."""
    found = of(TAG, "prod")
    times = {name: found.pop(name) for name in ("iat", "nbf", "exp")}
    found.pop("jti")

    assert {
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:acme/ledger:environment:prod",
        "ref": "refs/tags/v1.0.0",
        "ref_type": "tag",
        "ref_protected": "false",
        "sha": COMMIT,
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "repository": "acme/ledger",
        "repository_id": "2002",
        "repository_owner": "acme",
        "repository_owner_id": "1001",
        "repository_visibility": "private",
        "actor": "alice",
        "actor_id": str(events.actor_id("alice")),
        "run_id": "9",
        "run_number": "3",
        "run_attempt": "1",
        "workflow": "Deploy dev",
        "workflow_ref": "acme/ledger/.github/workflows/deploy-dev.yml@refs/tags/v1.0.0",
        "workflow_sha": COMMIT,
        "job_workflow_ref": "acme/ledger/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_sha": "d" * 40,
        "runner_environment": "github-hosted",
        "environment": "prod",
    } == found
    assert (300, 600) == (times["exp"] - times["iat"], times["iat"] - times["nbf"])


def test_a_pull_request_names_its_branches() -> None:
    """The token of a pull request is for the merge commit, and names head and base; no environment, no claim."""
    found = of(PULL.event(REPOSITORY))
    names = ("ref", "sha", "head_ref", "base_ref", "event_name")

    assert ("refs/pull/7/merge", "c" * 40, "topic", "main", "pull_request") == tuple(found[n] for n in names)
    assert "environment" not in found


def test_no_two_tokens_share_an_id() -> None:
    """`jti` tells two tokens of one job apart."""
    assert of(MAIN)["jti"] != of(MAIN)["jti"]


def test_has_every_claim_that_sts_knows() -> None:
    """But the audience, which the request brings, and the enterprise: a repository needs none."""
    assert {"aud", "enterprise_id"} == set(CLAIMS) - of(TAG, "prod").keys()
