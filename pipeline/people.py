"""Who stands behind a release, as git and GitHub know it: author, tagger, reviewers, approver, the run's claims."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import urllib3

from pipeline import git, github, summary
from pipeline.errors import GateError, PipelineError

_CLAIMS = (
    "sub", "iss", "repository", "repository_id", "repository_owner", "ref", "sha", "workflow_ref", "job_workflow_ref",
    "environment", "actor", "event_name", "run_id", "run_attempt", "runner_environment",
)  # fmt: skip


def commit(sha: str, repository: Path) -> dict[str, str]:
    """The commit's author and times, from git."""
    names = ("sha", "author", "authored_at", "committed_at", "subject")
    values = git.git("show", "-s", "--format=%H%n%an <%ae>%n%aI%n%cI%n%s", sha, cwd=repository).split("\n")
    return dict(zip(names, values, strict=True))


def behind(sha: str, tag: str, repository: Path) -> dict[str, Any]:
    """Tagger, reviewers of the commit's pull requests, approvers of this run's environment, and the run's claims.

    What GitHub doesn't tell is None, and not left out: an auditor sees that nobody said.
    """
    tagger = git.git(
        "for-each-ref", "--format=%(taggername) %(taggeremail)", f"refs/tags/{tag}", cwd=repository
    )
    found: dict[str, Any] = {"tagger": tagger.strip() or None, "actor": os.environ.get("GITHUB_ACTOR")}
    found["reviewers"], found["approvers"] = _ask(lambda: _reviewers(sha)), _ask(_approvers)
    found["claims"] = _ask(_claims)
    return found


def _ask(question: Any) -> Any:
    try:
        return question()
    except PipelineError as error:
        summary.warning("Not in the passport", error.message)
        return None


def _reviewers(sha: str) -> list[dict[str, str]] | None:
    if not os.environ.get("GITHUB_TOKEN"):
        return None
    return [
        {
            "pull_request": str(request["number"]),
            "reviewer": str(review.get("user", {}).get("login")),
            "state": str(review.get("state")),
            "at": str(review.get("submitted_at")),
        }
        for request in github.get(f"commits/{sha}/pulls")
        for review in github.get(f"pulls/{request['number']}/reviews")
    ]


def _approvers() -> list[dict[str, str]] | None:
    run = os.environ.get("GITHUB_RUN_ID", "")
    if not os.environ.get("GITHUB_TOKEN") or not run.isdigit():
        return None
    return [
        {
            "approver": str(one.get("user", {}).get("login")),
            "state": str(one.get("state")),
            "environments": ", ".join(str(each.get("name")) for each in one.get("environments", [])),
        }
        for one in github.get(f"actions/runs/{run}/approvals")
    ]


def _claims() -> dict[str, str] | None:
    """What GitHub's issuer says of this job. Only the claims are kept: the token itself opens a role."""
    url, bearer = (
        os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"),
        os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    )
    if not url or not bearer:
        return None
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=10.0, read=20.0)) as pool:
        try:
            answer = pool.request(
                "GET",
                f"{url}{'&' if '?' in url else '?'}audience=esclusa-passport",
                headers={"Authorization": f"Bearer {bearer}"},
            )
            payload = json.loads(answer.data)["value"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (
            urllib3.exceptions.HTTPError,
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
        ) as error:
            raise GateError(f"The run's own claims can't be read: {type(error).__name__}.") from error
    return {name: str(claims[name]) for name in _CLAIMS if name in claims}
