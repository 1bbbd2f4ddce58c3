from pathlib import Path
from typing import Any

import pytest

from pipeline.base.run import CHECKOUT
from pipeline.source.located import Document
from pipeline.source.workflows import Job, Workflow
from sandbox.github import permissions
from sandbox.github.admission import Admission, calls
from sandbox.github.claims import SubjectForm
from sandbox.github.event import Event, PullRequest, Repository, push
from sandbox.github.protection import read
from sandbox.github.workflow import RunJob, Source
from sandbox.oidc import RefusedError

REPOSITORY = Repository("acme", "ledger")
SHA = "a" * 40
DEPLOY = Workflow(Document(".github/workflows/deploy.yml", "", {"name": "Deploy", "on": {}, "jobs": {}}, {}))
MAIN = push(REPOSITORY, "refs/heads/main", SHA, "alice")
TAG = push(REPOSITORY, "refs/tags/v1.0.0", SHA, "alice")


def pull(author: str = "alice", repository: Repository = REPOSITORY, name: str = "pull_request") -> Event:
    request = PullRequest(7, "T", "topic", "main", "b" * 40, SHA, "c" * 40, author, repository, ())
    return request.event(REPOSITORY, name=name)


def job(environment: Any = "", level: str = "write", callers: tuple[str, ...] = ()) -> RunJob:
    allowed = {**permissions.DEFAULT, "id-token": level}
    ids = (*("call" for _ in callers), "deploy")
    jobs = tuple(Job(one, {"environment": environment}, DEPLOY) for one in ids)
    source = Source(Path("tree"), Path("acts"), "refs/heads/main", SHA)
    return RunJob(jobs, callers, allowed, {"inputs": {}, "github": {}}, source)


def admission(event: Event, form: SubjectForm = "names") -> Admission:
    # Without a process: these tests ask for a job's claims, not for the job behind a connection.
    return Admission(REPOSITORY, event, DEPLOY, (), read(CHECKOUT, "main"), form, 1, 1, process=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "environment", "expected"),
    [
        (MAIN, "dev", "environment:dev"),
        (TAG, {"name": "prod", "url": "https://example.com"}, "environment:prod"),
        (MAIN, "", "ref:refs/heads/main"),
        (pull(), "", "pull_request"),
    ],
)
def test_a_job_with_the_permission_gets_its_claims(event: Event, environment: Any, expected: str) -> None:
    """The subject follows from the job's environment and its event, in the form that is set."""
    names = admission(event).of(job(environment))["sub"]
    ids = admission(event, "ids").of(job(environment))["sub"]

    assert (f"repo:acme/ledger:{expected}", f"repo:acme@1001/ledger@2002:{expected}") == (names, ids)


FORK = Repository("mallory", "ledger", owner_id=6, id=7)


@pytest.mark.parametrize(
    ("event", "asking", "said"),
    [
        (MAIN, job("dev", "none"), "no permission `id-token: write`"),
        (pull("mallory", FORK), job(), "a pull request from a fork never has"),
        (pull("dependabot[bot]"), job(), "no permission `id-token: write`"),
        (MAIN, job("prod"), 'Branch "main" is not allowed to deploy to prod'),
        (TAG, job("dev"), 'Tag "v1.0.0" is not allowed to deploy to dev'),
        (pull(), job("dev"), '"refs/pull/7/merge" is not allowed to deploy to dev'),
        (MAIN, job("${{ needs.a.outputs.b }}"), "can't be worked out: `needs`"),
    ],
)
def test_every_other_job_is_refused(event: Event, asking: RunJob, said: str) -> None:
    """No permission, a fork, an environment closed to the ref, or one that can't be known: no token."""
    with pytest.raises(RefusedError, match=said):
        admission(event).of(asking)


def test_a_fork_that_runs_on_the_base_is_no_fork() -> None:
    """pull_request_target runs main's workflow with main's rights, and gets main's subject: the danger of it."""
    found = admission(pull("mallory", FORK, "pull_request_target")).of(job())

    assert "repo:acme/ledger:ref:refs/heads/main" == found["sub"]


@pytest.mark.parametrize(
    ("callers", "name", "expected"),
    [
        ((), "Deploy/Deploy dev", True),
        ((), "Other/Deploy dev", False),
        (("Dev",), "Dev/Deploy/Deploy dev", True),
        (("Dev",), "Dev-2/Deploy/Deploy dev-1", True),
        (("Dev",), "Prod/Deploy/Deploy dev", False),
        (("Dev",), "Development/Deploy/Deploy dev", False),
    ],
)
def test_tells_the_jobs_of_two_calls_apart(callers: tuple[str, ...], name: str, expected: bool) -> None:
    """Two calls of one workflow run jobs with the same id; the caller's name in act's log tells which it is."""
    assert expected == calls(job(callers=callers), name)
