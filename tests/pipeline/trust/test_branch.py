"""The branch that deploys is the application's: its tokens are the ones that dev's role may let in."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.iam.matrix import cells, enters, roles
from pipeline.iam.subjects import DEPLOYING, Jobs, Repository, refs, strangers, tokens
from pipeline.iam.trust_policy import ASSUME, PROVIDER, allows
from pipeline.source.runs import runs
from tests import judged

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


ATTESTING = ".github/workflows/attest.yml"


@pytest.mark.outside
def test_no_role_lets_in_the_job_that_attests() -> None:
    """It may ask for a token, and has no environment: main's ref is its subject, in both forms, to no role of any
    account. As it has one of its own here; in the laptop's STS it is tried with all others."""
    project = judged.repository()
    found = [one for one in cells(project) if one.run and one.run.job.workflow.file == ATTESTING]
    named = {f"repo:{one.role.stack.scope.resolve({'Ref': 'GitHubOwner'})}" for one in found}

    assert {one.role.stack.environment.name for one in found} == {
        one.stack.environment.name for one in roles(project)
    }
    assert len(roles(project)) * 2 == len(found)
    assert all(one.entry.subject.endswith(f":ref:refs/heads/{project.described.branch}") for one in found)
    assert all(one.entry.subject.startswith(tuple(named)) for one in found)
    assert [] == [one.entry for one in found if one.entry.allowed or one.entry.intended or one.fault]


@pytest.mark.outside
@pytest.mark.parametrize("missing", ["sub", "job_workflow_ref"])
def test_each_of_two_claims_keeps_the_job_that_attests_out(missing: str) -> None:
    """Its subject has no environment, it stands in another file: one of them is enough, and without both it gets in."""
    (run,) = [one for one in runs(judged.repository()) if one.job.workflow.file == ATTESTING]
    token = next(tokens(run, OWN, "main"))
    arn = f"arn:aws:iam::111111111111:oidc-provider/{PROVIDER}"
    deploying = replace(token, environment="dev", job_workflow=f"octo/cat/{DEPLOYING}@refs/heads/main")
    asked = {key: values[0] for key, values in deploying.request(arn).context.items()}
    keys = {name: f"{PROVIDER}:{name}" for name in ("aud", "sub", "job_workflow_ref")}
    wanted = {key: asked[key] for name, key in keys.items() if name != missing}

    def lets_in(condition: dict[str, str]) -> bool:
        statement = {
            "Effect": "Allow",
            "Action": ASSUME,
            "Principal": {"Federated": arn},
            "Condition": {"StringEquals": condition},
        }
        return allows({"Statement": statement}, token.request(arn))

    assert not lets_in(wanted)
    assert lets_in({keys["aud"]: asked[keys["aud"]]})
