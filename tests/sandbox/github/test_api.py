import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.github import permissions
from sandbox.github.api import Api
from sandbox.github.event import PullRequest, Repository
from sandbox.loopback import Connection
from sandbox.oidc import RefusedError

pytestmark = pytest.mark.outside

REPOSITORY = Repository("acme", "ledger")
HEAD, MERGE = "b" * 40, "c" * 40
PULL = PullRequest(1, "A topic", "topic", "main", HEAD, "a" * 40, MERGE, "alice", REPOSITORY, ())
ROOT = "/repos/acme/ledger"
EVERYTHING = dict.fromkeys(permissions.SCOPES, "write")


class Client:
    """A job with one token."""

    def __init__(self, api: Api, token: str) -> None:
        self.api, self.token = api, token
        self.headers: dict[str, str] = {}

    def __call__(self, method: str, address: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body of a request below the repository's address."""
        target = urlsplit(self.api.url)
        connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}"} | headers
        try:
            connection.request(
                method, address if address.startswith("/") else f"{ROOT}/{address}", data, sent
            )
            reply = connection.getresponse()
            self.headers = dict(reply.getheaders())
            text = reply.read()
            return reply.status, text if "octet" in self.headers["Content-Type"] else json.loads(
                text or b"null"
            )
        finally:
            connection.close()


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api(REPOSITORY)
    made.start()
    made.records.number()
    made.records.open_pull(PULL)
    yield made
    made.stop()


@pytest.fixture
def job(api: Api) -> Client:
    """A job that may do everything."""
    return limited(api, EVERYTHING)


def limited(api: Api, allowed: dict[str, str]) -> Client:
    token = f"token-{len(allowed)}-{hash(tuple(allowed.items()))}"
    api.admit(token, lambda ends: allowed)
    return Client(api, token)


def test_a_sticky_comment_is_updated_and_not_repeated(job: Client) -> None:
    """What a plan does on each push: look for its comment, add it once, then change it."""
    _, made = job("POST", "issues/1/comments", {"body": "<!-- plan --> one"})
    status, changed = job("PATCH", f"issues/comments/{made['id']}", {"body": "<!-- plan --> two"})
    _, found = job("GET", "issues/1/comments")

    assert (200, "<!-- plan --> two") == (status, changed["body"])
    assert [("<!-- plan --> two", "github-actions[bot]", "Bot")] == [
        (each["body"], each["user"]["login"], each["user"]["type"]) for each in found
    ]
    assert 204 == job("DELETE", f"issues/comments/{made['id']}")[0]
    assert [] == job("GET", "issues/1/comments")[1]


def test_an_issue_is_found_by_its_label_and_closed(job: Client) -> None:
    """What drift does: one open issue with its label, closed by itself."""
    job("POST", "issues", {"title": "Other"})
    _, made = job("POST", "issues", {"title": "Drift", "labels": ["drift"], "body": "a"})
    _, found = job("GET", "issues?labels=drift")
    job("PATCH", f"issues/{made['number']}", {"state": "closed", "body": "b"})

    assert ([3], 3) == ([each["number"] for each in found], made["number"])
    assert [] == job("GET", "issues?labels=drift&state=open")[1]
    assert [("b", "closed")] == [
        (each["body"], each["state"]) for each in job("GET", "issues?labels=drift&state=all")[1]
    ]


def test_a_release_holds_files_as_they_are(job: Client) -> None:
    """A release's asset comes back byte for byte, with its digest."""
    _, release = job("POST", "releases", {"tag_name": "v1.0.0", "body": "Notes", "draft": True})
    address = urlsplit(release["upload_url"].partition("{")[0]).path
    status, asset = job(
        "POST", f"{address}?name=passport.json", b"\x00\xff", **{"Content-Type": "application/json"}
    )
    hidden, _ = job("GET", "releases/tags/v1.0.0")
    job("PATCH", f"releases/{release['id']}", {"draft": False})
    _, found = job("GET", "releases/tags/v1.0.0")
    _, data = job("GET", f"releases/assets/{asset['id']}", Accept="application/octet-stream")

    assert (201, b"\x00\xff", ["passport.json"]) == (status, data, [each["name"] for each in found["assets"]])
    assert (404, True) == (hidden, found["immutable"])
    assert asset["digest"].startswith("sha256:")
    assert 422 == job("POST", "releases", {"tag_name": "v1.0.0"})[0]
    assert "immutable" in job("POST", f"{address}?name=other.json", b"x")[1]["message"]
    assert 422 == job("DELETE", f"releases/assets/{asset['id']}")[0]


def test_a_draft_takes_and_loses_files(job: Client) -> None:
    """Of drafts there may be several for one tag; only one of them can be published."""
    first, second = (job("POST", "releases", {"tag_name": "v1.0.0", "draft": True})[1] for _ in range(2))
    address = urlsplit(first["upload_url"].partition("{")[0]).path
    _, asset = job("POST", f"{address}?name=a.json", b"x")

    assert [422, 422] == [job("POST", f"{address}?name={name}", b"x")[0] for name in ("a.json", "../x")]
    assert 204 == job("DELETE", f"releases/assets/{asset['id']}")[0]
    assert 404 == job("DELETE", f"releases/assets/{asset['id']}")[0]
    assert [200, 422] == [
        job("PATCH", f"releases/{one['id']}", {"draft": False})[0] for one in (first, second)
    ]


def test_without_immutable_releases_a_published_one_takes_files(api: Api, job: Client) -> None:
    """As repositories are that never switched it on."""
    api.records.immutable_releases = False
    _, release = job("POST", "releases", {"tag_name": "v1.0.0"})
    address = urlsplit(release["upload_url"].partition("{")[0]).path

    assert 201 == job("POST", f"{address}?name=a.json", b"x")[0]


def test_issues_can_be_off(api: Api, job: Client) -> None:
    """GitHub says that they are gone, to whoever asks for them or for a new one."""
    api.records.has_issues = False

    assert [410, 410] == [job("GET", "issues")[0], job("POST", "issues", {"title": "T"})[0]]


def test_who_may_write_can_be_assigned(job: Client) -> None:
    """GitHub refuses an issue whole for anybody else."""
    made = [job("POST", "issues", {"title": "T", "assignees": [name]})[0] for name in ("bob", "stranger")]

    assert ([201, 422], [204, 404]) == (
        made,
        [job("GET", f"assignees/{name}")[0] for name in ("bob", "stranger")],
    )


def test_a_reviewer_can_be_gone(api: Api, job: Client) -> None:
    """GitHub tells a deleted account as null."""
    api.records.review(1, None)

    assert [None] == [each["user"] for each in job("GET", "pulls/1/reviews")[1]]


def test_tells_who_reviewed_and_merged(api: Api, job: Client) -> None:
    """What a passport needs: the pull request of a commit, its reviews, and who merged it."""
    api.records.review(1, "bob")
    api.records.merge_pull(1, "d" * 40, "bob")
    _, pulls = job("GET", f"commits/{'d' * 40}/pulls")
    _, reviews = job("GET", f"pulls/{pulls[0]['number']}/reviews")

    assert ("bob", "closed", "alice") == (
        pulls[0]["merged_by"]["login"],
        pulls[0]["state"],
        pulls[0]["user"]["login"],
    )
    assert [("bob", "APPROVED", HEAD)] == [
        (each["user"]["login"], each["state"], each["commit_id"]) for each in reviews
    ]
    assert ([], [1]) == (
        job("GET", "pulls")[1],
        [each["number"] for each in job("GET", "pulls?state=all")[1]],
    )


def test_long_lists_come_in_pages(job: Client) -> None:
    """A list is cut as GitHub cuts it, and the reply names the next page."""
    for index in range(5):
        job("POST", "issues/1/comments", {"body": str(index)})
    _, first = job("GET", "issues/1/comments?per_page=2")
    following = job.headers["Link"]
    _, last = job("GET", "issues/1/comments?per_page=2&page=3")

    assert (["0", "1"], ["4"]) == ([each["body"] for each in first], [each["body"] for each in last])
    assert '?per_page=2&page=2>; rel="next"' in following
    assert "Link" not in job.headers


@pytest.mark.parametrize(
    ("allowed", "method", "address", "status"),
    [
        ({"issues": "read"}, "GET", "issues", 200),
        ({"issues": "read"}, "POST", "issues", 403),
        ({"contents": "write"}, "POST", "issues", 403),
        ({"pull-requests": "write"}, "POST", "issues/1/comments", 201),  # it is a pull request
        ({"pull-requests": "read"}, "POST", "issues/1/comments", 403),
        ({"pull-requests": "write"}, "POST", "issues", 403),
        ({"contents": "read"}, "GET", "releases", 200),
        ({"contents": "read"}, "POST", "releases", 403),
        ({}, "GET", "pulls/1", 403),
    ],
)
def test_a_job_may_do_what_its_permissions_say(
    api: Api, allowed: dict[str, str], method: str, address: str, status: int
) -> None:
    """Without the permission the answer is GitHub's 403, whatever the workflow tries."""
    job = limited(api, dict.fromkeys(permissions.SCOPES, "none") | allowed)
    found, _ = job(
        method, address, {"title": "T", "body": "B", "tag_name": "v1"} if method == "POST" else None
    )

    assert status == found


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("GET", "issues/99", None, 404),
        ("GET", "issues/99/comments", None, 404),
        ("PATCH", "issues/comments/99", {"body": "x"}, 404),
        ("GET", "releases/tags/v9", None, 404),
        ("GET", "releases/assets/9", None, 404),
        ("GET", "pulls/99/reviews", None, 404),
        ("GET", "actions/runs/9/approvals", None, 404),
        ("PUT", "issues", {}, 404),
        ("GET", "/repos/acme/other/issues", None, 404),
        ("POST", "issues", {"title": ""}, 422),
        ("POST", "issues", {"title": 7}, 422),
        ("POST", "issues/1/comments", {}, 422),
        ("POST", "issues", b"{", 400),
        ("POST", "issues", b"[]", 400),
        ("GET", "issues?page=x", None, 422),
    ],
)
def test_wrong_requests_get_githubs_answers(
    job: Client, method: str, address: str, body: Any, status: int
) -> None:
    """What isn't there, isn't JSON or lacks a field is refused, with a message."""
    found, said = job(method, address, body)

    assert status == found
    assert said["message"]


def test_only_a_running_job_may_ask(api: Api, job: Client) -> None:
    """A token of no run, of a run that has ended, or from outside of the run's processes is refused."""

    def outside(ends: Connection) -> dict[str, str]:
        raise RefusedError("no process of the run")

    api.admit("outside", outside)
    api.dismiss(job.token)

    assert [401, 401, 401] == [
        Client(api, token)("GET", "issues")[0] for token in ("wrong", job.token, "outside")
    ]
