"""GitHub's REST API, as far as the pipeline writes: a comment on a pull request, an issue of a kind, a release."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from pipeline.base import http, summary
from pipeline.base.errors import ConfigurationError, GateError

_PAGES = 10  # of 100; a mark that isn't on them is not looked for any further
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def comment_once(mark: str, text: str) -> None:
    """Write `text` as the pull request's one comment with `mark`, over what it said before.

    A token that may only read, as a fork's has, is no error: the summary holds the same.
    """
    number = _pull_request()
    body = {"body": f"{mark}\n{text}"}
    try:
        for comment in _all(f"issues/{number}/comments"):
            if str(comment.get("body", "")).startswith(mark):
                _ask("PATCH", f"issues/comments/{comment['id']}", body)
                return
        _ask("POST", f"issues/{number}/comments", body)
    except _RefusedError as error:
        summary.warning("No comment", f"{error.message} The step's summary holds the plan.")


def publish(tag: str, text: str, files: Sequence[Path]) -> str:
    """Make the release of a tag, or take the one that is there, and attach what it lacks; returns its address.

    A file that is attached already stays: a release is published once.
    """
    try:
        found = _ask("GET", f"releases/tags/{tag}", None)
    except _RefusedError:
        found = _ask("POST", "releases", {"tag_name": tag, "name": tag, "body": text})
    attached = {str(one.get("name")) for one in found.get("assets", [])}
    upload = str(found.get("upload_url", "")).partition("{")[0]
    for file in files:
        if file.name not in attached:
            _send(
                "POST",
                f"{upload}?{urlencode({'name': file.name})}",
                file.read_bytes(),
                "application/octet-stream",
            )
    return str(found.get("html_url", ""))


def get(path: str) -> list[dict[str, Any]]:
    """Every item of a list that GitHub holds under the repository. Raises GateError."""
    return _all(path)


def keep_issue(mark: str, title: str, text: str) -> str:
    """Open the issue with `mark`, or update the one that is open; returns its address."""
    body = {"title": title, "body": f"{mark}\n{text}"}
    for issue in _all("issues?state=open"):
        if "pull_request" not in issue and str(issue.get("body", "")).startswith(mark):
            return str(_ask("PATCH", f"issues/{issue['number']}", body).get("html_url", ""))
    return str(_ask("POST", "issues", body).get("html_url", ""))


def close_issue(mark: str, text: str) -> bool:
    """Close the open issue with `mark`, saying why; False when there is none."""
    for issue in _all("issues?state=open"):
        if "pull_request" not in issue and str(issue.get("body", "")).startswith(mark):
            _ask("POST", f"issues/{issue['number']}/comments", {"body": text})
            _ask("PATCH", f"issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
            return True
    return False


class _RefusedError(GateError):
    """GitHub refuses what the token may not do."""


def _all(path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, _PAGES + 1):
        some = _ask("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}", None)
        items = some if isinstance(some, list) else []
        found += [item for item in items if isinstance(item, dict)]
        if len(items) < 100:
            break
    return found


def _ask(method: str, path: str, body: Mapping[str, Any] | None) -> Any:
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository) or not os.environ.get("GITHUB_TOKEN"):
        raise ConfigurationError(
            "GITHUB_REPOSITORY and GITHUB_TOKEN are not both set.",
            "This is for a workflow's step, with env: set.",
        )
    base = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    payload = json.dumps(body).encode() if body is not None else None
    return _send(method, f"{base}/repos/{repository}/{path}", payload, "application/json")


def _send(method: str, url: str, payload: bytes | None, kind: str) -> Any:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ.get('GITHUB_TOKEN', '')}",
        "Content-Type": kind,
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "esclusa",
    }
    answer = http.send(method, url, body=payload, headers=headers, patient=True)
    asked = f"{method} {urlsplit(url).path}"
    if answer.status in (401, 403, 404):
        raise _RefusedError(f"GitHub refused {asked} with {answer.status}.")
    if answer.status >= 300:
        raise GateError(f"GitHub answered {asked} with {answer.status}: {answer.text[:300]!r}")
    if answer.data is None:
        raise GateError(f"GitHub answered {asked} with something else than JSON.")
    return answer.data


def _pull_request() -> int:
    """The number of the pull request that this run is for. Raises ConfigurationError."""
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    try:
        return int(json.loads(Path(path).read_text(encoding="utf-8"))["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError("This run is for no pull request.", "Leave --comment out.") from error
