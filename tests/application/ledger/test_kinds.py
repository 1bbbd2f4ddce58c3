"""Every kind of record is added, listed, narrowed and read in the same way."""

import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.ledger.kinds import KINDS, WRITTEN
from tests.running import Ledger, a_deployment

COMMIT, BUNDLE = "a" * 40, "b" * 64


def a_record(plural: str, **changes: Any) -> dict[str, Any]:
    """Return a valid record of a kind, as a client sends it."""
    examples: dict[str, dict[str, Any]] = {
        "deployments": a_deployment(),
        "releases": {
            "version": "v1.2.3",
            "commit": COMMIT,
            "bundle": BUNDLE,
            "approver": "hubot",
            "released_at": "2026-03-01T12:00:00Z",
        },
        "checks": {
            "commit": COMMIT,
            "name": "lint",
            "status": "passed",
            "milliseconds": 1234,
            "finished_at": "2026-03-01T12:00:00Z",
        },
        "findings": {
            "commit": COMMIT,
            "rule": "CKV_AWS_18",
            "title": "Access logging is on",
            "severity": "medium",
            "tool": "checkov",
            "file": "template.yaml",
            "line": 12,
            "resource": "Bucket",
            "fact": "LoggingConfiguration",
            "environment": None,
            "message": "Bucket has no access log.",
            "remediation": "Name a bucket for it.",
            "controls": ["NIST AU-2"],
            "waiver": None,
            "found_at": "2026-03-01T12:00:00Z",
        },
        "waivers": {
            "commit": COMMIT,
            "name": "access-log-bucket",
            "rule": "CKV_AWS_18",
            "resource": "Bucket",
            "fact": "LoggingConfiguration",
            "environment": "prod",
            "reason": "It is the log's own bucket.",
            "owner": "octocat",
            "approver": "hubot",
            "ticket": "https://example.com/1",
            "expires_on": "2026-06-01",
        },
        "evidence": {
            "bundle": BUNDLE,
            "name": "passport",
            "media_type": "application/json",
            "sha256": "e" * 64,
            "size": 17,
            "location": "s3://evidence/passports/1.json",
            "document": {"approved": None, "by": ["hubot"]},
        },
    }
    return {"id": str(uuid.uuid4()), **examples[plural], **changes}


@pytest.mark.parametrize("plural", list(WRITTEN))
def test_a_record_comes_back_as_it_was_sent(client: FlaskClient, plural: str) -> None:
    """From the answer, from the list and by its id; sent again it is known."""
    record = a_record(plural)

    added = client.post(f"/api/{plural}", json=record)
    again = client.post(f"/api/{plural}", json=record)
    listed = client.get(f"/api/{plural}").get_json()["items"]
    read = client.get(f"/api/{plural}/{record['id']}")

    assert (201, 200, 200) == (added.status_code, again.status_code, read.status_code)
    assert record == {name: added.get_json()[name] for name in record}
    assert [added.get_json()] == listed
    assert added.get_json() == read.get_json()
    assert client.get("/api/verify").get_json()["valid"] is True


@pytest.mark.parametrize(
    ("plural", "name"), [(plural, name) for plural, kind in WRITTEN.items() for name in kind.filters]
)
def test_a_list_is_narrowed_by_each_filter(client: FlaskClient, plural: str, name: str) -> None:
    """Exactly the matching records are listed."""
    record = a_record(plural, version="v1.2.3") if plural == "deployments" else a_record(plural)
    others = {
        "environment": "prod",
        "commit": "f" * 40,
        "bundle": "f" * 64,
        "version": "v9.9.9",
        "kind": "rollback",
        "status": "failed",
        "rule": "other",
        "severity": "low",
        "name": "checks",
    }
    client.post(f"/api/{plural}", json=record)
    client.post(f"/api/{plural}", json=a_record(plural, **{name: others[name]}))

    listed = client.get(f"/api/{plural}", query_string={name: record[name]}).get_json()["items"]

    assert [record["id"]] == [item["id"] for item in listed]


@pytest.mark.parametrize("plural", list(KINDS))
@pytest.mark.parametrize("identifier", ["018f2a6e-7c1b-7d4e-9a52-0b8d5a7c9e10", "none", "ä", "018F2A6E"])
def test_an_unknown_id_is_404(client: FlaskClient, plural: str, identifier: str) -> None:
    """Whatever its form, an id that no record has is not found."""
    response = client.get(f"/api/{plural}/{identifier}")

    assert (404, "application/problem+json") == (response.status_code, response.content_type)


@pytest.mark.parametrize("query", ["colour=red", "limit=1&limit=2", "environment=Prod", "status="])
def test_a_query_that_means_nothing_here_is_refused(offline: FlaskClient, query: str) -> None:
    """A misspelled filter must not give the whole list."""
    assert offline.get(f"/api/deployments?{query}").status_code == 422


def test_what_is_unchanged_is_not_sent_again(client: FlaskClient) -> None:
    """An ETag of the content lets a client ask for news only."""
    first = client.get("/api/deployments")
    unchanged = client.get("/api/deployments", headers={"If-None-Match": first.headers["ETag"]})
    client.post("/api/deployments", json=a_deployment())
    changed = client.get("/api/deployments", headers={"If-None-Match": first.headers["ETag"]})

    assert (304, b"") == (unchanged.status_code, unchanged.data)
    assert changed.status_code == 200


def test_reads_can_t_be_written_by_clients(offline: FlaskClient) -> None:
    """Who looked at what is recorded by the application alone."""
    assert offline.post("/api/reads", json={}).status_code == 405


def a_report(**changes: Any) -> dict[str, Any]:
    """Return a report of the gate."""
    finding = a_record("findings", remediation="")
    for name in ("id", "commit", "found_at"):
        del finding[name]
    return {
        "id": str(uuid.uuid4()),
        "commit": COMMIT,
        "finished_at": "2026-03-01T12:00:00Z",
        "stages": [
            {"name": "lint", "status": "passed", "seconds": 1.5},
            {"name": "test", "status": "failed", "seconds": 20},
        ],
        "findings": [finding],
        **changes,
    }


def test_a_report_becomes_checks_and_findings(client: FlaskClient) -> None:
    """One request records a whole run of the gate; sent again it changes nothing."""
    report = a_report()

    added = client.post("/api/reports", json=report)
    again = client.post("/api/reports", json=report)

    assert (201, {"checks": 2, "findings": 1}) == (added.status_code, added.get_json())
    assert again.status_code == 200
    checks = client.get("/api/checks").get_json()["items"]
    assert [("test", 20_000), ("lint", 1500)] == [(item["name"], item["milliseconds"]) for item in checks]
    assert client.get("/api/findings").get_json()["items"][0]["remediation"] is None


def test_a_report_under_a_known_id_is_recorded_whole_or_not_at_all(client: FlaskClient) -> None:
    """A conflict in one record undoes the others of the same request."""
    report = a_report()
    client.post("/api/reports", json=report)
    changed = {**report, "stages": [*report["stages"], {"name": "policy", "status": "failed", "seconds": 1}]}
    changed["stages"][0] = {"name": "lint", "status": "failed", "seconds": 1.5}

    assert client.post("/api/reports", json=changed).status_code == 409
    assert len(client.get("/api/checks").get_json()["items"]) == 2


def test_a_wrong_entry_of_a_report_is_named(offline: FlaskClient) -> None:
    """The message says which stage, which field, and why."""
    report = a_report(stages=[{"name": "lint", "status": "passed", "seconds": -1}])

    response = offline.post("/api/reports", json=report)

    assert response.get_json()["errors"] == [
        {"field": "stages", "message": "number 0: seconds: give a number from 0 to 86400"}
    ]


def test_each_filter_has_an_index_in_the_order_of_the_list(ledger: Ledger) -> None:
    """(filter, sequence DESC): otherwise a rare value is sought through every record since."""
    found = ledger.connection.execute(
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'ledger'"
    ).fetchall()
    indexed = {
        (table, text.partition("(")[2].partition(",")[0])
        for table, text in found
        if ", sequence DESC)" in text and text.count(",") == 1
    }

    assert set() == {(kind.name, name) for kind in KINDS.values() for name in kind.filters} - indexed
