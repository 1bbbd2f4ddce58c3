"""What is asked of GitHub, against the sandbox's API: releases are published once; who wrote what is adopted."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from pipeline.base import github, http
from pipeline.base.errors import ConfigurationError, GateError
from sandbox.github import permissions
from sandbox.github.api import Api
from sandbox.github.event import PullRequest, Repository
from sandbox.loopback import Reply

ACME = Repository("acme", "ledger")
MARK = "<!-- mark -->"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    """GitHub's API, for a job that may do everything on pull request 1."""
    made = Api(ACME)
    made.start()
    made.admit("t", lambda ends: dict.fromkeys(permissions.SCOPES, "write"))
    number = made.records.number()
    made.records.open_pull(
        PullRequest(number, "A topic", "topic", "main", "b" * 40, "a" * 40, "c" * 40, "alice", ACME, ())
    )
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": number}}))
    monkeypatch.setattr(http, "_BACKOFF", 0)
    for name, value in (
        ("GITHUB_API_URL", made.url),
        ("GITHUB_REPOSITORY", ACME.full_name),
        ("GITHUB_TOKEN", "t"),
        ("GITHUB_EVENT_PATH", str(event)),
    ):
        monkeypatch.setenv(name, value)
    yield made
    made.stop()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A passport and its page."""
    found = [tmp_path / "v1.0.0.json", tmp_path / "v1.0.0.html"]
    for file in found:
        file.write_bytes(file.suffix.encode())
    return found


def releases(hub: Api) -> list[tuple[str, bool, dict[str, bytes]]]:
    """Each release: its tag, whether it is published, and its files."""
    return [
        (
            one["tag_name"],
            not one["draft"],
            {asset["name"]: hub.records.assets[asset["id"]][1] for asset in one["assets"]},
        )
        for one in hub.records.releases.values()
    ]


WHOLE = {"v1.0.0.json": b".json", "v1.0.0.html": b".html"}


def test_a_release_is_published_with_its_files(hub: Api, files: list[Path]) -> None:
    """Where releases are immutable nothing could be attached afterwards; the second time changes nothing."""
    for _ in range(2):
        address = github.publish("v1.0.0", "text", files)

    assert "https://github.com/acme/ledger/releases/tag/v1.0.0" == address
    assert [("v1.0.0", True, WHOLE)] == releases(hub)
    assert next(iter(hub.records.releases.values()))["immutable"]


def test_notes_are_made_from_pull_requests(hub: Api, files: list[Path]) -> None:
    """Behind the pipeline's own text."""
    hub.records.merge_pull(1, "d" * 40, "bob")
    github.publish("v1.0.0", "Released.", files)
    body = next(iter(hub.records.releases.values()))["body"]

    assert body.startswith("Released.\n")
    assert "* A topic by @alice" in body


@pytest.mark.parametrize("broken", range(1, 7))  # requests of a release with two files
def test_a_run_that_broke_off_is_finished(hub: Api, files: list[Path], broken: int) -> None:
    """Wherever it broke: the next one ends with one release, whole."""
    hub.records.release({"tag_name": "v0.9.0"}, "github-actions[bot]")
    down = Reply(HTTPStatus.BAD_REQUEST, {"message": "down"})
    taken = hub._answer
    asked = 0

    def breaking(request: Any) -> Reply:
        nonlocal asked
        asked += 1
        return down if asked == broken else taken(request)

    hub._server._answer = breaking
    hub.stop()
    hub.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_API_URL", hub.url)
        with pytest.raises(GateError, match="with 400"):
            github.publish("v1.0.0", "text", files)
        github.publish("v1.0.0", "text", files)

    assert ("v1.0.0", True, WHOLE) in releases(hub)
    assert 2 == len(releases(hub))


def test_a_half_upload_is_done_again(hub: Api, files: list[Path]) -> None:
    """GitHub keeps an upload that broke off in the state `starter`; what has other bytes is of an earlier run."""
    draft = hub.records.release({"tag_name": "v1.0.0", "draft": True}, "github-actions[bot]")
    hub.records.asset(draft["id"], "v1.0.0.json", "x", b"")["state"] = "starter"
    hub.records.asset(draft["id"], "v1.0.0.html", "x", b"another")
    hub.records.asset(draft["id"], "stranger.txt", "x", b"put there by somebody")
    github.publish("v1.0.0", "text", files)

    assert [("v1.0.0", True, WHOLE)] == releases(hub)


def test_a_persons_draft_is_theirs(hub: Api, files: list[Path]) -> None:
    """Somebody with the right to write notes doesn't decide what the pipeline publishes."""
    hub.records.release({"tag_name": "v1.0.0", "draft": True, "body": "mine"}, "mallory")
    github.publish("v1.0.0", "text", files)

    assert [("v1.0.0", False, {}), ("v1.0.0", True, WHOLE)] == releases(hub)


def test_a_release_made_past_the_pipeline(hub: Api, files: list[Path]) -> None:
    """It takes files where it may change, else the run says what is missing and why."""
    hub.records.release({"tag_name": "v1.0.0"}, "mallory")
    with pytest.raises(GateError, match=r"without v1\.0\.0\.json, v1\.0\.0\.html, and is immutable"):
        github.publish("v1.0.0", "text", files)
    hub.records.immutable_releases = False
    hub.records.release({"tag_name": "v2.0.0"}, "mallory")
    github.publish("v2.0.0", "text", files)

    assert ("v2.0.0", True, WHOLE) in releases(hub)


def test_the_comment_is_kept_and_never_repeated(hub: Api) -> None:
    """The first run writes it, later ones write over it; what others wrote stays, also with the same mark."""
    hub.records.comment(1, "a person's", "alice")
    hub.records.comment(1, f"{MARK}\nforged", "mallory")
    hub.records.comment(1, f"{MARK}\nof nobody", "ghost")["user"] = None
    for text in ("one", "two"):
        github.comment_once(MARK, text)
    found = [one["body"].replace(f"{MARK}\n", "") for one in hub.records.comments.values()]

    assert ["a person's", "forged", "of nobody", "two"] == found


def test_a_forks_token_is_no_failure(hub: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """It may read only: the plan is in the summary, and the step passes."""
    hub.admit("t", lambda ends: dict.fromkeys(permissions.SCOPES, "read"))
    github.comment_once(MARK, "one")

    assert "with 403. The step's summary holds the plan." in "".join(capfd.readouterr())


LIMITED = [
    Reply(HTTPStatus.FORBIDDEN, {"message": "You have exceeded a secondary rate limit."}),
    Reply(HTTPStatus.FORBIDDEN, {"message": "no"}, {"x-ratelimit-remaining": "0"}),
    Reply(HTTPStatus.TOO_MANY_REQUESTS, {"message": "no"}),
]


@pytest.mark.parametrize("limit", LIMITED)
def test_a_limit_is_not_a_missing_right(hub: Api, limit: Reply) -> None:
    """A comment that was left out without a word would be taken for one that says nothing changes."""
    hub.faults = [limit] * 5

    with pytest.raises(GateError, match="limits how often it is asked"):
        github.comment_once(MARK, "one")


def test_after_a_limit_it_is_asked_again(hub: Api) -> None:
    """As long as GitHub says to wait, whatever was asked: nothing of it was done."""
    wait = Reply(HTTPStatus.FORBIDDEN, {"message": "secondary rate limit"}, {"Retry-After": "0"})
    hub.faults = [wait]
    github.comment_once(MARK, "one")
    hub.faults = [wait, wait]
    github.comment_once(MARK, "two")

    assert [f"{MARK}\ntwo"] == [one["body"] for one in hub.records.comments.values()]


def test_one_issue_with_labels_and_people(hub: Api) -> None:
    """A stranger can't be assigned, and is left out; another's issue with the mark stays as it is."""
    hub.records.issue("forged", f"{MARK}\nforged", (), "mallory")
    for text in ("one", "two"):
        github.keep_issue(MARK, "Drift", text, labels=["drift"], assignees=["bob", "stranger"])
    closed = [github.close_issue(MARK, "gone") for _ in range(2)]
    forged, kept = hub.records.issues.values()

    assert ("open", f"{MARK}\nforged") == (forged["state"], forged["body"])
    assert ("closed", f"{MARK}\ntwo", ["drift"], ["bob"]) == (
        kept["state"],
        kept["body"],
        [one["name"] for one in kept["labels"]],
        [one["login"] for one in kept["assignees"]],
    )
    assert [True, False] == closed


def test_a_repository_without_issues(hub: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """What the run found is said by the run, and is no error of GitHub's."""
    hub.records.has_issues = False

    assert ("", False) == (github.keep_issue(MARK, "t", "x"), github.close_issue(MARK, "x"))
    assert "The repository has no issues" in "".join(capfd.readouterr())


def test_without_a_pull_request_a_comment_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push has nothing to comment on."""
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)

    with pytest.raises(ConfigurationError, match="for no pull request"):
        github.comment_once(MARK, "one")


@pytest.mark.parametrize("repository", ["", "acme", "acme/ledger/../other", "acme/ledger?x"])
def test_without_a_repository_nothing_is_asked(
    hub: Api, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of a workflow, or with a name that isn't one."""
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)

    with pytest.raises(ConfigurationError, match="not both set"):
        github.get("issues")


def test_nobody_there_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: what was asked, and that nobody answered."""
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ledger")
    monkeypatch.setenv("GITHUB_TOKEN", "t")

    with pytest.raises(GateError, match=r"no answer to GET http://127\.0\.0\.1:9/repos/acme/ledger/issues"):
        github.get("issues")
