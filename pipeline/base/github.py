"""GitHub's REST API, as far as the pipeline asks: a comment on a pull request, an issue of a kind, a release."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pipeline.base import http, summary
from pipeline.base.errors import ConfigurationError, GateError

_PAGES = 10  # of 100; a mark that isn't on them is not looked for any further
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_BOT = "github-actions[bot]"  # who a workflow's own token is


class RefusedError(GateError):
    """GitHub refuses what the token may not do, or doesn't show it."""


class AbsentError(RefusedError):
    """It isn't there, or the token may not see it: GitHub answers both with 404."""


class _OffError(GateError):
    """The repository has no such thing: issues that are switched off."""


def comment_once(mark: str, text: str) -> None:
    """Write `text` as the pull request's one comment with `mark`, over what it said before.

    A comment of somebody else that begins with the mark is theirs, and stays. A token that may only read, as a fork's
    has, is no error: the summary holds the same.
    """
    number = _pull_request()
    body = {"body": f"{mark}\n{text}"}
    try:
        for comment in _own(_all(f"issues/{number}/comments"), mark):
            ask("PATCH", f"issues/comments/{comment['id']}", body)
            return
        ask("POST", f"issues/{number}/comments", body)
    except RefusedError as error:
        summary.warning("No comment", f"{error.message} The step's summary holds the plan.")


def publish(tag: str, text: str, files: Sequence[Path]) -> str:
    """Make the release of a tag, or take the one that is there, with these files; returns its address.

    It is a draft until every file is attached: where the repository's releases are immutable, nothing can be attached
    to a published one, and its tag can't be used again. A draft that a run before left behind is finished. A file of a
    published release stays as it is.
    """
    found = _published(tag)
    if found is None:
        draft = _draft(tag) or ask(
            "POST",
            "releases",
            {"tag_name": tag, "name": tag, "body": text, "draft": True, "generate_release_notes": True},
        )
        for asset in draft.get("assets", []):
            if not _is_whole(asset, files):
                ask("DELETE", f"releases/assets/{asset['id']}", None)
        whole = {asset["name"] for asset in draft.get("assets", []) if _is_whole(asset, files)}
        _attach(draft, [file for file in files if file.name not in whole])
        found = ask("PATCH", f"releases/{draft['id']}", {"draft": False})
        return str(found.get("html_url", ""))
    attached = {str(one.get("name")) for one in found.get("assets", [])}
    missing = [file for file in files if file.name not in attached]
    if missing and found.get("immutable"):
        raise GateError(
            f"The release {tag} is published without {', '.join(file.name for file in missing)}, and is immutable.",
            "It was made past the pipeline. The passport is in the evidence bucket: pipeline passport. Next time push\n"
            "  the tag alone: the pipeline makes the release.",
        )
    _attach(found, missing)
    return str(found.get("html_url", ""))


def _published(tag: str) -> dict[str, Any] | None:
    try:
        found = ask("GET", f"releases/tags/{quote(tag, safe='')}", None)
    except AbsentError:
        return None
    return dict(found)


def _draft(tag: str) -> dict[str, Any] | None:
    """The draft that a run of the pipeline left behind; GitHub finds drafts by no tag, and lists them."""
    drafts = [one for one in _all("releases") if one.get("draft") and one.get("tag_name") == tag]
    return next((one for one in drafts if _login(one, "author") == _BOT), None)


def _is_whole(asset: Mapping[str, Any], files: Sequence[Path]) -> bool:
    """Whether an asset is one of these files, to the last byte; an upload that broke off leaves one that isn't."""
    file = next((one for one in files if one.name == asset.get("name")), None)
    if file is None or asset.get("state") != "uploaded":
        return False
    return asset.get("digest") == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _attach(release: Mapping[str, Any], files: Iterable[Path]) -> None:
    upload = str(release.get("upload_url", "")).partition("{")[0]
    for file in files:
        address = f"{upload}?{urlencode({'name': file.name})}"
        _send("POST", address, file.read_bytes(), "application/octet-stream")


def get(path: str) -> list[dict[str, Any]]:
    """Every item of a list that GitHub holds under the repository. Raises GateError."""
    return _all(path)


def keep_issue(
    mark: str, title: str, text: str, *, labels: Sequence[str] = (), assignees: Sequence[str] = ()
) -> str:
    """Open the issue with `mark`, or update the one that is open; returns its address, '' where issues are off.

    Labels and assignees are given to a new one alone: people may change them. Who can't be assigned is left out.
    """
    body = {"title": title, "body": f"{mark}\n{text}"}

    def kept() -> str:
        for issue in _own(_issues(), mark):
            return str(ask("PATCH", f"issues/{issue['number']}", body).get("html_url", ""))
        people = [one for one in assignees if _can_be_assigned(one)]
        new = {**body, "labels": list(labels), "assignees": people}
        return str(ask("POST", "issues", new).get("html_url", ""))

    return _where_issues_are_on(kept, "")


def close_issue(mark: str, text: str) -> bool:
    """Close the open issue with `mark`, saying why; False when there is none."""

    def closed() -> bool:
        for issue in _own(_issues(), mark):
            ask("POST", f"issues/{issue['number']}/comments", {"body": text})
            ask("PATCH", f"issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
            return True
        return False

    return _where_issues_are_on(closed, False)


def _where_issues_are_on[T](act: Callable[[], T], otherwise: T) -> T:
    try:
        return act()
    except _OffError as error:
        summary.warning("No issue", f"{error.message} The repository has no issues; this run says the same.")
        return otherwise


def _issues() -> list[dict[str, Any]]:
    return [one for one in _all("issues?state=open") if "pull_request" not in one]


def _can_be_assigned(login: str) -> bool:
    try:
        ask("GET", f"assignees/{quote(login, safe='')}", None)
    except AbsentError:
        return False
    return True


def _own(found: Iterable[dict[str, Any]], mark: str) -> Iterable[dict[str, Any]]:
    """Those with the mark that a workflow wrote: anybody can begin a comment with it."""
    return (one for one in found if str(one.get("body", "")).startswith(mark) and _login(one, "user") == _BOT)


def _login(holder: Mapping[str, Any], name: str) -> str:
    """Whose it is; '' for an account that is gone, which GitHub tells as null."""
    return str((holder.get(name) or {}).get("login", ""))


def _all(path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, _PAGES + 1):
        some = ask("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}", None)
        items = some if isinstance(some, list) else []
        found += [item for item in items if isinstance(item, dict)]
        if len(items) < 100:
            break
    return found


def ask(method: str, path: str, body: Mapping[str, Any] | None) -> Any:
    """What GitHub answers under the repository; None where it says nothing. Raises GateError."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository) or not os.environ.get("GITHUB_TOKEN"):
        raise ConfigurationError(
            "GITHUB_REPOSITORY and GITHUB_TOKEN are not both set.",
            "This is for a workflow's step, with env: set.",
        )
    base = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    payload = json.dumps(body).encode() if body is not None else None
    address = f"{base}/repos/{repository}/{path}".rstrip("/")
    return _send(method, address, payload, "application/json")


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
    if _is_limited(answer):
        raise GateError(
            f"GitHub limits how often it is asked, and refused {asked} with {answer.status}.",
            "Run this again later.",
        )
    if answer.status in (401, 403, 404):
        kind_of = AbsentError if answer.status == 404 else RefusedError
        raise kind_of(f"GitHub refused {asked} with {answer.status}.")
    if answer.status == 410:
        raise _OffError(f"GitHub answered {asked} with 410.")
    if answer.status >= 300:
        raise GateError(f"GitHub answered {asked} with {answer.status}: {answer.text[:300]!r}")
    if answer.status == 204:
        return None
    if answer.data is None:
        raise GateError(f"GitHub answered {asked} with something else than JSON.")
    return answer.data


def _is_limited(answer: http.Answer) -> bool:
    """Whether a limit refused it: GitHub says so by 429, or by the 403 that a missing right gets too.

    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    signs = (
        answer.headers.get("x-ratelimit-remaining") == "0",
        "retry-after" in answer.headers,
        "rate limit" in answer.text.lower(),
    )
    return answer.status == 429 or (answer.status == 403 and any(signs))


def head() -> str:
    """The newest commit of the pull request that this run is for, '' for any other run.

    What is checked out is its merge with main, whose number nobody else ever sees.
    """
    try:
        return str(_event()["head"]["sha"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _pull_request() -> int:
    """The number of the pull request that this run is for. Raises ConfigurationError."""
    try:
        return int(_event()["number"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError("This run is for no pull request.", "Leave --comment out.") from error


def _event() -> Any:
    """What GitHub says of the pull request of this run."""
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    return json.loads(Path(path).read_text(encoding="utf-8"))["pull_request"]
