"""What the ledger is told of a release besides its deployment, and that it takes what it is told."""

import base64
import datetime as dt
import hashlib
import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery import deployment, store
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import records
from pipeline.release import deploy
from tests.pipeline import statements
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import Cloud, environment
from tests.sandbox.shop import written

pytestmark = pytest.mark.outside

PROD = environment(name="dev", promote_from="dev")  # the account in memory is dev's; the rules are prod's
WAIVER = """
[[waiver]]
rule = "concurrency"
resource = "ReportFunction"
fact = "ReservedConcurrentExecutions"
reason = "It runs once a year, by hand, while nothing else does."
owner = "Ada"
approver = "Grace"
ticket = "https://example.com/tickets/1"
expires = {day}
"""
FINDING = {
    "rule": "concurrency", "title": "A limit", "severity": "low", "tool": "esclusa", "file": "template.yaml",
    "line": 3, "resource": "ReportFunction", "environment": "prod", "message": "m" * 5000, "remediation": "",
    "controls": ["NIST SC-6"], "waiver": None, "fact": "ReservedConcurrentExecutions",
}  # fmt: skip
OLD = {
    name: value for name, value in FINDING.items() if name != "fact"
}  # of a bundle from before there were facts


@pytest.fixture
def live(tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A release that serves, its statements stored, with a waiver in force."""
    repository = Repository(tmp_path / "clone")
    written(repository.folder, "esclusa")
    monkeypatch.chdir(repository.folder)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    repository.tag("v1.0.0")
    (repository.folder / "policies").mkdir(exist_ok=True)
    made = make(tmp_path / "made", repository.first, sbom=b'{"bomFormat": "CycloneDX"}')
    store.put(cloud, "dev-artifacts", made)  # type: ignore[arg-type]
    statements.publish(cloud, environment(), made, tmp_path / "reports")
    for report in (tmp_path / "reports").rglob("report.json"):
        found = json.loads(report.read_text())
        if found["stages"][0]["name"] == "policy":
            worse = {**FINDING, "severity": "high", "waiver": "concurrency"}
            report.write_text(json.dumps({**found, "findings": [worse, OLD]}))
    under_way = deployment.begin(cloud, PROD, made, "ada", version="v1.0.0")  # type: ignore[arg-type]
    deploy.deploy(under_way, {"tests": {"result": "PASSED"}})
    (repository.folder / "policies/waivers.toml").write_text(
        WAIVER.format(day=dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30))
    )
    return under_way


@pytest.fixture
def told(cloud: Cloud, live: Deployment, tmp_path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every record that the ledger is told of, with its path."""
    return [*records.gather(live, tmp_path / "reports"), *records._release(live)]


def _wrong(path: str, record: dict[str, Any]) -> list[str]:
    """What the application's own checks have to say against a record."""
    kinds, reports = (importlib.import_module(f"app.ledger.{name}") for name in ("kinds", "reports"))
    plural = path.removeprefix("/api/")
    taken = reports.parse(record) if plural == "reports" else kinds.WRITTEN[plural].parse(record)
    found: list[str] = taken[1]
    return found


if importlib.util.find_spec("app.ledger"):  # it can be taken out of the application

    def test_the_ledger_takes_all_that_it_is_told(told: list[tuple[str, dict[str, Any]]]) -> None:
        """The application's own checks have nothing to say against any record: each kind is among them."""
        assert [] == [one for path, record in told for one in _wrong(path, record)]
        assert {"/api/reports", "/api/waivers", "/api/evidence", "/api/releases"} == {
            path for path, _ in told
        }


def test_a_report_holds_every_stage_and_the_worst_open_finding_first(
    told: list[tuple[str, dict[str, Any]]],
) -> None:
    """The three reports become one."""
    report = next(record for path, record in told if path == "/api/reports")

    assert ["lint", "policy", "test"] == [stage["name"] for stage in report["stages"]]
    assert [None, "concurrency"] == [finding["waiver"] for finding in report["findings"]]


def test_prod_hears_of_the_reports_that_dev_signed(
    cloud: Cloud, live: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They come from dev's bucket; one that isn't what was signed is named, and not told of."""
    dev = replace(environment(), bucket="esclusa-dev-artifacts-111111111111")
    records.keep(cloud, dev, live.bundle, tmp_path / "reports")  # type: ignore[arg-type]
    prefix = f"bundles/{live.bundle.digest}/reports"
    kept = {key: raw for (bucket, key), raw in cloud.objects.items() if bucket == dev.bucket}
    digests = {
        stage: hashlib.sha256(kept[f"{prefix}/{stage}.json"]).hexdigest()
        for stage in ("lint", "policy", "test")
    }
    signed = [{"name": f"{stage}/report.json", "digest": {"sha256": one}} for stage, one in digests.items()]
    cloud.objects[dev.bucket, f"{prefix}/lint.json"] += b" "

    der = cloud.get_public_key()["PublicKey"]
    cloud.ssm["/esclusa/dev/promotion-key"] = base64.b64encode(der).decode()

    found = dict(records.gather(live, None, {"tests": {"configuration": signed}}))["/api/reports"]
    assert f"{prefix}/lint.json is not the report that was signed" in capsys.readouterr().err
    assert ["policy", "test"] == [stage["name"] for stage in found["stages"]]
    assert 2 == len(found["findings"])
    assert "/api/reports" not in dict(records.gather(live, None, {}))
    assert "" == capsys.readouterr().err


def test_evidence_is_where_it_says(cloud: Cloud, told: list[tuple[str, dict[str, Any]]]) -> None:
    """Each document lies at its location, with the digest and the size that are told."""
    documents = {record["location"]: record for path, record in told if path == "/api/evidence"}
    stored = {f"s3://{bucket}/{key}": content for (bucket, key), content in cloud.objects.items()}

    assert {"passport", "attestation", "checks", "bill-of-materials"} == {
        one["name"] for one in documents.values()
    }
    assert {(hashlib.sha256(stored[at]).hexdigest(), len(stored[at])) for at in documents} == {
        (one["sha256"], one["size"]) for one in documents.values()
    }


def test_the_approver_is_the_passport_s() -> None:
    """Whoever approved on GitHub, and nobody who rejected; nobody when nobody said."""

    def a_passport(people: Any) -> bytes:
        payload = json.dumps({"predicate": {"people": people}}).encode()
        return json.dumps({"payload": base64.b64encode(payload).decode()}).encode()

    approvers = [
        {"approver": "grace", "state": "approved"},
        {"approver": "mallory", "state": "rejected"},
        {"approver": "ada", "state": "approved"},
    ]

    assert "grace, ada" == records._approver(a_passport({"approvers": approvers}))
    assert records._approver(a_passport({"approvers": None})) is None


def test_what_is_told_again_is_recorded_once(cloud: Cloud, live: Deployment, tmp_path: Path) -> None:
    """The next run finishes what a run before it left undone, and adds nothing else."""
    records.tell(live, records.gather(live, tmp_path / "reports"))
    first = dict(cloud.ledger)
    records.tell(live, records.gather(live, tmp_path / "reports"))

    assert first == cloud.ledger
    assert len(first) > 6


@pytest.mark.parametrize("path", ["/api/reports", "/api/releases"])
def test_a_deaf_ledger_is_told_of_and_nothing_else(
    cloud: Cloud, live: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    """The release serves all the same."""
    cloud.answers[path] = (404, {})
    records.tell(live, records.gather(live, tmp_path / "reports"))

    assert f"is not in the ledger: The ledger answered 404 to {path}" in capsys.readouterr().err


def test_a_report_of_another_form_is_told_of_and_nothing_else(
    cloud: Cloud, live: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing may fail a release by it: what stands behind it otherwise is told."""
    report = tmp_path / "reports/report-lint/report.json"
    report.write_text(json.dumps({**json.loads(report.read_text()), "findings": [{"rule": "x"}]}))
    records.tell(live, records.gather(live, tmp_path / "reports"))

    assert "is not in the ledger: KeyError" in capsys.readouterr().err
    assert "checks" in {row.get("name") for row in cloud.ledger.values()}
