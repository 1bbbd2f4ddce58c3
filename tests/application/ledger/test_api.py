"""The deployments of the JSON API."""

import json
import re
import threading
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Config
from app.state import state
from tests.running import ORIGIN, a_deployment, signing


def test_a_new_deployment_is_created_and_listed(client: FlaskClient) -> None:
    """What was posted comes back, from the answer and from the list."""
    record = a_deployment(version="v1.2.3", detail="größer")

    created = client.post("/api/deployments", json=record)
    listed = client.get("/api/deployments").get_json()

    assert created.status_code == 201
    assert record == {name: created.get_json()[name] for name in record}
    assert {"items": [created.get_json()], "next": None} == listed


def test_the_same_again_changes_nothing(client: FlaskClient) -> None:
    """A repeated request is answered like the first, also when it spells the same instant differently."""
    record = a_deployment(started_at="2026-03-01T12:00:00Z")
    first = client.post("/api/deployments", json=record)

    second = client.post("/api/deployments", json={**record, "started_at": "2026-03-01T14:00:00+02:00"})

    assert (201, 200) == (first.status_code, second.status_code)
    assert first.get_json() == second.get_json()
    assert len(client.get("/api/deployments").get_json()["items"]) == 1


def test_another_content_under_a_known_id_is_a_conflict(client: FlaskClient) -> None:
    """An id stands for one content for ever."""
    record = a_deployment()
    client.post("/api/deployments", json=record)

    response = client.post("/api/deployments", json={**record, "status": "failed"})

    assert response.status_code == 409
    assert client.get("/api/deployments").get_json()["items"][0]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "not-a-uuid"),
        ("id", 7),
        ("environment", "Prod"),
        ("environment", "x" * 40),
        ("commit", "A" * 40),
        ("commit", "a" * 39),
        ("commit", "a" * 40 + "\n"),
        ("bundle", None),
        ("release", "unreleased"),
        ("version", "v1.2"),
        ("version", "v01.2.3"),
        ("version", "v1.2.3\n"),
        ("version", ""),
        ("kind", "promotion"),
        ("status", ["succeeded"]),
        ("started_at", "2026-03-01"),
        ("started_at", "2026-03-01T12:00:00"),
        ("started_at", "2026-02-30T12:00:00Z"),
        ("started_at", 1_700_000_000),
        ("finished_at", "2026-03-01T11:59:59Z"),
        ("finished_at", "0001-01-01T00:00:00+14:00"),
        ("run", "javascript:alert(1)"),
        ("run", "https://"),
        ("run", "http://[::1"),
        ("actor", ""),
        ("actor", "a\0b"),
        ("actor", "\ud800"),
        ("actor", None),
        ("detail", "x" * 4001),
        ("surprise", 1),
    ],
)
def test_a_wrong_field_is_named(offline: FlaskClient, field: str, value: Any) -> None:
    """422 names the one field that is wrong, and nothing is recorded."""
    response = offline.post(
        "/api/deployments", data=json.dumps(a_deployment(**{field: value})), content_type="application/json"
    )

    assert response.status_code == 422
    assert [field] == [error["field"] for error in response.get_json()["errors"]]
    assert all(error["message"] for error in response.get_json()["errors"])


@pytest.mark.parametrize("field", list(a_deployment()))
def test_a_missing_field_is_named(offline: FlaskClient, field: str) -> None:
    """Every field is asked for."""
    record = a_deployment()
    del record[field]

    response = offline.post("/api/deployments", json=record)

    assert [{"field": field, "message": "is missing"}] == response.get_json()["errors"]


@pytest.mark.parametrize(
    ("status", "content", "content_type"),
    [
        (400, b"", "application/json"),
        (400, b"{", "application/json"),
        (400, b"[]", "application/json"),
        (400, b'"text"', "application/json"),
        (400, b'{"actor": "\xff"}', "application/json"),
        (400, b'{"id": 1, "id": 2}', "application/json"),
        (400, b'{"detail": {"a": 1, "a": 2}}', "application/json"),
        (400, b'{"detail": NaN}', "application/json"),
        (400, b'{"detail": ' + b"9" * 5000 + b"}", "application/json"),
        (400, b'{"detail": ' + b"[" * 40 + b"]" * 40 + b"}", "application/json"),
        (400, b"[" * 200_000, "application/json"),
        (413, b'{"detail": "' + b"x" * 1_100_000 + b'"}', "application/json"),
        (415, b"{}", "text/plain"),
        (415, b"{}", ""),
    ],
)
def test_a_bad_body_is_the_client_s_fault(
    offline: FlaskClient, status: int, content: bytes, content_type: str
) -> None:
    """What isn't one readable JSON object gets a 4xx in problem details."""
    response = offline.post("/api/deployments", data=content, content_type=content_type)

    assert (status, status) == (response.status_code, response.get_json()["status"])
    assert response.content_type == "application/problem+json"


def test_pages_hold_every_record_once_while_others_are_added(client: FlaskClient) -> None:
    """Paging is newest first, and a record added meanwhile neither repeats nor hides another."""
    added = [a_deployment() for _ in range(5)]
    for record in added:
        client.post("/api/deployments", json=record)

    seen, cursor = [], None
    while True:
        page = client.get(
            "/api/deployments", query_string={"limit": 2, "cursor": cursor} if cursor else "limit=2"
        )
        seen += [item["id"] for item in page.get_json()["items"]]
        cursor = page.get_json()["next"]
        if cursor is None:
            break
        client.post("/api/deployments", json=a_deployment())

    assert [record["id"] for record in reversed(added)] == seen


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=", "limit"),
        ("limit=-1", "limit"),
        ("limit=²", "limit"),
        ("cursor=", "cursor"),
        ("cursor=AAAAAAAAAA", "cursor"),
        ("cursor=__________8", "cursor"),
        ("cursor=ä", "cursor"),
        ("cursor=%00", "cursor"),
    ],
)
def test_a_wrong_page_is_refused(offline: FlaskClient, query: str, field: str) -> None:
    """Limits and cursors that can't be ours get 422."""
    response = offline.get(f"/api/deployments?{query}")

    assert (422, [field]) == (
        response.status_code,
        [error["field"] for error in response.get_json()["errors"]],
    )


def test_of_two_writers_at_once_one_wins_and_the_other_hears_it(
    flask_app: Flask, migrated: dict[str, str]
) -> None:
    """With one id and two contents, one is created and every other writer gets a conflict."""
    apps = [flask_app, *(create_app(Config.from_environ(migrated)) for _ in range(3))]
    shared = str(uuid.uuid4())
    statuses: list[int] = []
    barrier = threading.Barrier(len(apps))

    def write(number: int, app: Flask) -> None:
        barrier.wait()
        response = signing(app).post(
            "/api/deployments", json=a_deployment(id=shared, actor=f"writer {number}")
        )
        statuses.append(response.status_code)

    threads = [threading.Thread(target=write, args=item) for item in enumerate(apps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for app in apps[1:]:
        state(app).database.close()

    assert [201, 409, 409, 409] == sorted(statuses)
    assert len(signing(flask_app).get("/api/deployments").get_json()["items"]) == 1


@pytest.mark.parametrize("event", [None, {}, {"requestContext": {"identity": {"userArn": None}}}, [], "x"])
def test_what_nobody_signed_is_refused(flask_app: Flask, event: object) -> None:
    """Every route of the API: what the gateway should have closed is closed here as well."""
    app = flask_app.test_client()
    routes = [
        (method, re.sub(r"<[^>]*\bplural>", "deployments", rule.rule).replace("<identifier>", "1"))
        for rule in flask_app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods or ()
        if method != "OPTIONS"
    ]
    answers = [
        app.open(
            path, method=method, json={} if method == "POST" else None, environ_base={"aws.event": event}
        )
        for method, path in [*routes, ("POST", "/api/sessions")]
    ]

    assert len(routes) > 6
    assert {403} == {answer.status_code for answer in answers}
    assert "application/problem+json" == answers[-1].content_type


def test_who_signed_the_request_is_recorded(client: FlaskClient) -> None:
    """The caller comes from API Gateway's event; a header that claims another is not read."""
    arn = "arn:aws:sts::111111111111:assumed-role/esclusa-dev-deploy/run-1"
    event = {"requestContext": {"identity": {"userArn": arn}}}

    response = client.post(
        "/api/deployments",
        json=a_deployment(),
        environ_base={"aws.event": event},
        headers={"X-User-Arn": "root"},
    )

    assert arn == response.get_json()["recorded_by"]


def test_an_unhandled_error_tells_the_client_nothing(
    flask_app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client gets a request id, the log the traceback under the same id."""

    def fail() -> None:
        raise RuntimeError("the inside of the application")

    monkeypatch.setitem(flask_app.view_functions, "health.health", fail)

    response = flask_app.test_client().get("/health")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failure = next(line for line in lines if line["level"] == "ERROR")

    assert response.status_code == 500
    assert "inside" not in response.get_data(as_text=True)
    assert "the inside of the application" in failure["exception"]
    assert response.get_json()["request_id"] == failure["request_id"] == response.headers["X-Request-Id"]


def test_a_browser_on_a_known_origin_may_ask(offline: FlaskClient) -> None:
    """The preflight that precedes a request with a signature is answered, for a configured origin only."""
    known = offline.options("/api/deployments", headers={"Origin": ORIGIN})
    other = offline.options("/api/deployments", headers={"Origin": "https://evil.example.com"})

    assert ORIGIN == known.headers["Access-Control-Allow-Origin"]
    assert "Authorization" in known.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers
