"""Who stands behind a release, as git and GitHub know it: author, tagger, reviewers, approver, the run's claims."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.base import git, github, http, summary
from pipeline.base.errors import GateError, PipelineError

_CLAIMS = (
    "sub", "iss", "repository", "repository_id", "repository_owner", "ref", "sha", "workflow_ref", "job_workflow_ref",
    "environment", "actor", "event_name", "run_id", "run_attempt", "runner_environment",
)  # fmt: skip


def commit(sha: str, repository: Path) -> dict[str, str]:
    """The commit's author and times, from git: as they are, whatever characters a stranger put there."""
    names = ("sha", "author", "authored_at", "committed_at", "subject")
    form = "--format=%H%x00%an <%ae>%x00%aI%x00%cI%x00%s"
    values = git.entries(
        "show", "-s", "-z", "--no-show-signature", "--encoding=UTF-8", form, sha, cwd=repository
    )
    if len(values) != len(names):
        raise GateError(f"git tells {len(values)} things of commit {sha}, not {len(names)}: {values!r}")
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


def approval() -> str | None:
    """Who approved this run, for the record of what has no passport; None when nobody said."""
    found = _ask(_approvers) or []
    names = [one["approver"] or "an account that is gone" for one in found if one["state"] == "approved"]
    return f"approved by {', '.join(names)}" if names else None


def _ask(question: Callable[[], Any]) -> Any:
    """The answer; None, and a warning, when nobody gives one or it has another form than GitHub documents."""
    try:
        return question()
    except PipelineError as error:
        summary.warning("Not recorded", error.message)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        summary.warning("Not recorded", f"GitHub answered in a form that is not known: {error!r}")
    return None


def _reviewers(sha: str) -> list[dict[str, str | None]] | None:
    if not os.environ.get("GITHUB_TOKEN"):
        return None
    return [
        {
            "pull_request": str(number),
            "reviewer": _login(review),
            "state": _text(review.get("state")),
            "at": _text(review.get("submitted_at")),
        }
        for number in [int(request["number"]) for request in github.get(f"commits/{sha}/pulls")]
        for review in github.get(f"pulls/{number}/reviews")
    ]


def _login(holder: Mapping[str, Any]) -> str | None:
    """Whose it is; None for an account that is gone: GitHub's `user` is null then."""
    user = holder.get("user")
    return _text(user.get("login")) if isinstance(user, dict) else None


def _text(value: Any) -> str | None:
    """A value of JSON as a text that can be signed: JSON can name halves of characters, UTF-8 can't."""
    return None if value is None else str(value).encode("utf-8", errors="replace").decode()


def _approvers() -> list[dict[str, str | None]] | None:
    run = os.environ.get("GITHUB_RUN_ID", "")
    if not os.environ.get("GITHUB_TOKEN") or not run.isdigit():
        return None
    return [
        {
            "approver": _login(one),
            "state": _text(one.get("state")),
            "environments": _text(
                ", ".join(str(environment["name"]) for environment in one.get("environments") or ())
            ),
        }
        for one in github.get(f"actions/runs/{run}/approvals")
    ]


def _claims() -> dict[str, str | None] | None:
    """What GitHub's issuer says of this job. Only the claims are kept: the token itself opens a role."""
    url, bearer = (
        os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"),
        os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    )
    if not url or not bearer:
        return None
    address = f"{url}{'&' if '?' in url else '?'}audience=esclusa-passport"
    answer = http.send("GET", address, headers={"Authorization": f"Bearer {bearer}"}, patient=True)
    try:
        payload = answer.data["value"].split(".")[1]
        claims = dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise GateError(f"The run's own claims can't be read: {type(error).__name__}.") from error
    return {name: _text(claims[name]) for name in _CLAIMS if name in claims}
