"""What the laptop's GitHub API answers: one function an endpoint, and the table of them."""

import base64
import json
import re
from collections.abc import Callable
from http import HTTPStatus

from sandbox.github.records import Record
from sandbox.github.requests import AnswerError, Call, made, ok, one
from sandbox.loopback import Reply

BOT = "github-actions[bot]"
PEOPLE = ("alice", "bob", "carol", "dave")  # who may write here, and so be assigned


def _tracked(call: Call) -> None:
    if not call.records.has_issues:
        raise AnswerError(HTTPStatus.GONE, "Issues has been disabled in this repository.")


def _issues(call: Call) -> Reply:
    _tracked(call)
    query = call.request.query
    state, labels = query.get("state", "open"), set(filter(None, query.get("labels", "").split(",")))
    found = [
        issue
        for issue in reversed(call.records.issues.values())
        if state in ("all", issue["state"])
        and labels <= {label["name"] for label in issue["labels"]}
        and query.get("creator", issue["user"]["login"]) == issue["user"]["login"]
    ]
    return ok(found)


def _issue(call: Call) -> Reply:
    return ok(one(call.records.issues, call.number("issue")))


def _open_issue(call: Call) -> Reply:
    _tracked(call)
    values = call.wanted("title")
    assignees = values.get("assignees") or []
    if not set(assignees) <= set(PEOPLE):
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: assignees invalid")
    body, labels = values.get("body") or "", values.get("labels") or []
    return made(call.records.issue(values["title"], body, labels, BOT, assignees))


def _assignee(call: Call) -> Reply:
    if call.found["login"] not in PEOPLE:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    return Reply(HTTPStatus.NO_CONTENT, None)


def _change_issue(call: Call) -> Reply:
    issue = one(call.records.issues, call.number("issue"))
    return ok(call.records.change(issue, call.values, ("title", "body", "state", "state_reason", "labels")))


def _comments(call: Call) -> Reply:
    _commented(call)
    return ok(call.records.comments_of(call.number("issue")))


def _add_comment(call: Call) -> Reply:
    _commented(call)
    return made(call.records.comment(call.number("issue"), call.wanted("body")["body"], BOT))


def _commented(call: Call) -> None:
    number = call.number("issue")
    if number not in call.records.issues and number not in call.records.pulls:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")


def _comment(call: Call) -> Reply:
    return ok(one(call.records.comments, call.number("comment")))


def _change_comment(call: Call) -> Reply:
    comment = one(call.records.comments, call.number("comment"))
    return ok(call.records.change(comment, call.wanted("body"), ("body",)))


def _remove_comment(call: Call) -> Reply:
    _comment(call)
    del call.records.comments[call.number("comment")]
    return Reply(HTTPStatus.NO_CONTENT, None)


def _pulls(call: Call) -> Reply:
    state = call.request.query.get("state", "open")
    return ok([pull for pull in reversed(call.records.pulls.values()) if state in ("all", pull["state"])])


def _pull(call: Call) -> Reply:
    return ok(one(call.records.pulls, call.number("pull")))


def _reviews(call: Call) -> Reply:
    _pull(call)
    return ok(call.records.reviews.get(call.number("pull"), []))


def _pulls_of(call: Call) -> Reply:
    commit = call.found["commit"]
    fitting = [
        pull
        for pull in call.records.pulls.values()
        if commit in (pull["merge_commit_sha"], pull["head"]["sha"])
    ]
    return ok(fitting)


def _releases(call: Call) -> Reply:
    return ok([_with_upload(call, each) for each in reversed(call.records.releases.values())])


def _make_release(call: Call) -> Reply:
    values = call.wanted("tag_name")
    if not values.get("draft") and _taken(call, values["tag_name"]):
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: tag_name already_exists")
    return made(_with_upload(call, call.records.release(values, BOT)))


def _release(call: Call) -> Reply:
    return ok(_with_upload(call, one(call.records.releases, call.number("release"))))


def _release_of(call: Call) -> Reply:
    for each in call.records.releases.values():
        if each["tag_name"] == call.found["tag"] and not each["draft"]:
            return ok(_with_upload(call, each))
    raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")


def _change_release(call: Call) -> Reply:
    release = one(call.records.releases, call.number("release"))
    call.records.change(release, call.values, ("name", "body", "prerelease"))
    if release["draft"] and call.values.get("draft") is False:
        if _taken(call, release["tag_name"]):
            raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: tag_name already_exists")
        call.records.published(release)
    return ok(_with_upload(call, release))


def _taken(call: Call, tag: str) -> bool:
    """Whether a published release has the tag; of drafts there may be any number."""
    return any(one["tag_name"] == tag and not one["draft"] for one in call.records.releases.values())


def _attach(call: Call) -> Reply:
    release, name = one(call.records.releases, call.number("release")), call.request.query.get("name", "")
    if release["immutable"]:
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Cannot upload assets to an immutable release.")
    if not re.fullmatch(r"[\w.+-]+", name):
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, f"An asset can't be called {name!r}.")
    if any(asset["name"] == name for asset in release["assets"]):
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: name already_exists")
    kind = call.request.headers.get("Content-Type", "application/octet-stream")
    return made(call.records.asset(release["id"], name, kind, call.request.body))


def _asset(call: Call) -> Reply:
    if call.number("asset") not in call.records.assets:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    record, data = call.records.assets[call.number("asset")]
    return ok(data if "octet-stream" in call.request.headers.get("Accept", "") else record)


def _remove_asset(call: Call) -> Reply:
    asset = call.number("asset")
    holder = next(
        (one for one in call.records.releases.values() if any(each["id"] == asset for each in one["assets"])),
        None,
    )
    if holder is None:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    if holder["immutable"]:
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Cannot delete assets of an immutable release.")
    holder["assets"] = [each for each in holder["assets"] if each["id"] != asset]
    del call.records.assets[asset]
    return Reply(HTTPStatus.NO_CONTENT, None)


def _with_upload(call: Call, release: Record) -> Record:
    host = call.request.headers.get("Host", "")
    address = f"http://{host}/repos/{call.records.repository.full_name}/releases/{release['id']}/assets"
    return {**release, "upload_url": address + "{?name,label}", "assets_url": address}


def _run(call: Call) -> Reply:
    return ok(one(call.records.runs, call.number("run")))


def _approvals(call: Call) -> Reply:
    _run(call)
    return ok(call.records.approvals.get(call.number("run"), []))


def _attest(call: Call) -> Reply:
    """Keep an attestation. As on GitHub nothing is verified here: who asks for it does that."""
    bundle: Record = call.values.get("bundle") or {}
    try:
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True))
        subjects = [f"sha256:{one['digest']['sha256']}" for one in statement["subject"]]
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: bundle") from error
    return made({"id": call.records.attestation(subjects, bundle)["id"]})


def _attestations(call: Call) -> Reply:
    found = call.records.attestations.get(call.found["digest"])
    if not found:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    kept = [{"bundle": one["bundle"], "repository_id": one["repository_id"]} for one in found]
    return ok({"attestations": kept})


# Method, address below the repository, the permission that it takes, and who answers.
ROUTES: tuple[tuple[str, str, str, Callable[[Call], Reply]], ...] = (
    ("GET", "", "contents:read", lambda call: ok(call.records.repository.payload())),
    ("GET", r"/issues", "issues:read", _issues),
    ("POST", r"/issues", "issues:write", _open_issue),
    ("GET", r"/issues/(?P<issue>\d+)", "issues:read", _issue),
    ("PATCH", r"/issues/(?P<issue>\d+)", "issues:write", _change_issue),
    ("GET", r"/issues/(?P<issue>\d+)/comments", "issues:read", _comments),
    ("POST", r"/issues/(?P<issue>\d+)/comments", "issues:write", _add_comment),
    ("GET", r"/issues/comments/(?P<comment>\d+)", "issues:read", _comment),
    ("PATCH", r"/issues/comments/(?P<comment>\d+)", "issues:write", _change_comment),
    ("DELETE", r"/issues/comments/(?P<comment>\d+)", "issues:write", _remove_comment),
    ("GET", r"/pulls", "pull-requests:read", _pulls),
    ("GET", r"/pulls/(?P<pull>\d+)", "pull-requests:read", _pull),
    ("GET", r"/pulls/(?P<pull>\d+)/reviews", "pull-requests:read", _reviews),
    ("GET", r"/commits/(?P<commit>[0-9a-f]{40})/pulls", "pull-requests:read", _pulls_of),
    ("GET", r"/releases", "contents:read", _releases),
    ("POST", r"/releases", "contents:write", _make_release),
    ("GET", r"/releases/(?P<release>\d+)", "contents:read", _release),
    ("PATCH", r"/releases/(?P<release>\d+)", "contents:write", _change_release),
    ("GET", r"/releases/tags/(?P<tag>[^/]+)", "contents:read", _release_of),
    ("POST", r"/releases/(?P<release>\d+)/assets", "contents:write", _attach),
    ("GET", r"/releases/assets/(?P<asset>\d+)", "contents:read", _asset),
    ("DELETE", r"/releases/assets/(?P<asset>\d+)", "contents:write", _remove_asset),
    ("GET", r"/assignees/(?P<login>[\w-]+)", "issues:read", _assignee),
    ("POST", r"/attestations", "attestations:write", _attest),
    ("GET", r"/attestations/(?P<digest>sha256:[0-9a-f]{64})", "attestations:read", _attestations),
    ("GET", r"/actions/runs/(?P<run>\d+)", "actions:read", _run),
    ("GET", r"/actions/runs/(?P<run>\d+)/approvals", "actions:read", _approvals),
)  # fmt: skip
