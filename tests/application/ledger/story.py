"""Twelve weeks of a team's work, as the pipeline records them."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient

from tests.application.ledger.test_kinds import a_record
from tests.running import a_deployment

COMMITS = 24
PEOPLE = ("ada", "jonas", "mei", "samira")
RELEASER, APPROVER = "grace", "tomasz"

_FINDINGS: tuple[dict[str, Any], ...] = (
    {
        "rule": "concurrency",
        "title": "Every function has a limit of its own",
        "severity": "high",
        "tool": "esclusa",
        "file": "template.yaml",
        "line": 184,
        "resource": "ReportFunction",
        "fact": "ReservedConcurrentExecutions",
        "environment": None,
        "message": "ReportFunction has no ReservedConcurrentExecutions: it can use up the whole account's.",
        "remediation": "Set ReservedConcurrentExecutions to what its database can serve.",
        "controls": ["NIST SC-6"],
        "waiver": None,
    },
    {
        "rule": "CKV_AWS_158",
        "title": "Log groups are encrypted with a key of ours",
        "severity": "medium",
        "tool": "checkov",
        "file": "template.yaml",
        "line": 97,
        "resource": "ReportLogGroup",
        "fact": "KmsKeyId",
        "environment": "prod",
        "message": "ReportLogGroup names no KMS key.",
        "remediation": "Set KmsKeyId to the data key.",
        "controls": ["NIST SC-28", "CIS 3.8"],
        "waiver": None,
    },
    {
        "rule": "template-injection",
        "title": "No expression of an event in a script",
        "severity": "low",
        "tool": "zizmor",
        "file": ".github/workflows/labels.yml",
        "line": 31,
        "resource": None,
        "fact": "jobs.label.steps.Label.run github.event.pull_request.title",
        "environment": None,
        "message": "github.event.pull_request.title may expand into the script.",
        "remediation": "Pass it by an environment variable.",
        "controls": ["NIST SI-10"],
        "waiver": None,
    },
    {
        "rule": "dead_letters",
        "title": "What fails asynchronously is kept",
        "severity": "low",
        "tool": "esclusa",
        "file": "template.yaml",
        "line": 211,
        "resource": "RotationFunction",
        "fact": "DeadLetterConfig",
        "environment": None,
        "message": "RotationFunction has no dead-letter queue.",
        "remediation": "",
        "controls": ["NIST AU-5"],
        "waiver": "rotation-retries-itself",
    },
)
_WAIVERS = (
    (
        "legacy-export-bucket",
        "CKV_AWS_18",
        "ExportBucket",
        "It is the target of the access logs itself, and is emptied each night.",
        -2,
    ),
    (
        "rotation-retries-itself",
        "dead_letters",
        "RotationFunction",
        "Secrets Manager calls each step again by itself, and its alarm rings when it gives up.",
        9,
    ),
    (
        "report-timeout",
        "timeout_bounded",
        "ReportFunction",
        "The yearly report reads every record once; half of the time is measured in the ticket.",
        120,
    ),
)
_EVIDENCE = (
    ("passport", "application/vnd.in-toto+json", 18_432, "s3://evidence/passports/v1.7.0.json"),
    ("change-set", "application/json", 6_210, "s3://evidence/change-sets/v1.7.0.json"),
    ("checks", "application/vnd.in-toto+json", 9_876, "s3://evidence/checks/v1.7.0.json"),
    ("bill-of-materials", "application/vnd.cyclonedx+json", 41_007, "s3://evidence/boms/v1.7.0.json"),
    ("approval", "application/json", 612, None),
)


def commit(number: int) -> str:
    """Return a made-up commit."""
    return hashlib.sha1(bytes([number]), usedforsecurity=False).hexdigest()


def bundle(number: int) -> str:
    """Return the digest of a commit's made-up bundle."""
    return hashlib.sha256(bytes([number])).hexdigest()


def tell(client: FlaskClient) -> None:
    """Record it: dev runs every commit, prod every third; one of prod's fails, one is undone."""
    now = datetime.now(UTC)

    def post(plural: str, record: dict[str, Any]) -> None:
        response = client.post(f"/api/{plural}", json=record)
        assert response.status_code == 201, response.get_data(as_text=True)

    def deploy(number: int, environment: str, at: datetime, **more: Any) -> None:
        run = f"https://github.com/acme/ledger/actions/runs/{17_000_000_000 + number * 7919}"
        actor = RELEASER if environment == "prod" else PEOPLE[number % len(PEOPLE)]
        times = {"started_at": at.isoformat(), "finished_at": (at + timedelta(minutes=3)).isoformat()}
        what = {"commit": commit(number), "bundle": bundle(number), "environment": environment}
        post("deployments", a_deployment(**what, **times, run=run, actor=actor, **more))

    for number in range(COMMITS):
        at = now - timedelta(days=84 - 3.4 * number)
        post("reports", _report(number, at))
        deploy(number, "dev", at)
        if number % 3 == 1:
            version = f"v1.{number // 3}.0"
            failed = {"status": "failed", "detail": "smoke test: /ready answered 503"} if number == 10 else {}
            release = {"commit": commit(number), "bundle": bundle(number), "approver": APPROVER}
            later = at + timedelta(hours=5 + number)
            post("releases", a_record("releases", version=version, **release, released_at=later.isoformat()))
            deploy(number, "prod", later, version=version, **failed)
        if number == 16:
            deploy(13, "prod", at + timedelta(hours=25), version="v1.4.0", kind="rollback")
    for at_commit in (22, COMMITS - 1):
        for name, rule, resource, reason, days in _WAIVERS:
            what = {"name": name, "rule": rule, "resource": resource, "reason": reason}
            people = {"owner": PEOPLE[len(name) % 4], "approver": APPROVER}
            ticket = f"https://tickets.example.com/SEC-{100 + days}"
            expires = (now + timedelta(days=days)).date().isoformat()
            post(
                "waivers",
                a_record(
                    "waivers", **what, **people, commit=commit(at_commit), ticket=ticket, expires_on=expires
                ),
            )
    for name, media_type, size, location in _EVIDENCE:
        digest = hashlib.sha256(name.encode()).hexdigest()
        where = {"location": location, "document": None if location else {"approved_by": APPROVER}}
        more = {"media_type": media_type, "size": size, "sha256": digest, **where}
        post("evidence", a_record("evidence", bundle=bundle(22), name=name, **more))


def _report(number: int, at: datetime) -> dict[str, Any]:
    """What the gate found in a commit: less and less, and always what is waived."""
    findings = [*_FINDINGS[: min(3, (COMMITS - number) // 6)], _FINDINGS[-1]]
    policy = "failed" if any(one["severity"] == "high" for one in findings) else "passed"
    stages = (("lint", "passed", 14.2), ("policy", policy, 21.7), ("test", "passed", 48.9))
    return {
        "id": str(uuid.uuid4()),
        "commit": commit(number),
        "finished_at": at.isoformat(),
        "stages": [{"name": n, "status": s, "seconds": t + number / 10} for n, s, t in stages],
        "findings": findings,
    }
