"""What the ledger is told of a release besides its deployment: the gate's report, waivers, evidence, approvers."""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline import approvals, attestations, deployment, ledger, passport, stack, store, summary, upstream
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError
from pipeline.model import SEVERITIES

_MOST_FINDINGS = 500  # what the ledger takes of one report, the worst first
_MOST = {"title": 500, "file": 1000, "message": 4000, "remediation": 4000, "resource": 300}  # characters
_STAGES = ("lint", "policy", "test")
_EVIDENCE = {"provenance": "attestation", "tests": "checks", "policy": "checks", "sbom": "bill-of-materials"}
_DSSE = "application/vnd.dsse.envelope.v1+json"

type Record = tuple[str, dict[str, Any]]


def tell(under_way: Deployment, reports: Path | None) -> None:
    """Tell the ledger of an environment what stands behind the release that serves there.

    `reports` holds a folder a stage with its report.json, if there are any. What is told again is recorded once.
    A ledger that doesn't listen changes nothing about the deployment, but is told of.
    """
    try:
        url = stack.read(under_way.session, under_way.environment.stack_name).outputs.get("ApiUrl")
        if url is None:
            return
        new = [ledger.add(under_way.session, url, *record) for record in _records(under_way, reports)]
    except (
        PipelineError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # the last three: a report of another form
        said = error.message if isinstance(error, PipelineError) else repr(error)
        summary.warning("Not recorded", f"What stands behind the release is not in the ledger: {said}")
    else:
        print(f"  the ledger was told of {len(new)} records behind it, {sum(new)} of them new")


def _records(under_way: Deployment, reports: Path | None) -> Iterator[Record]:
    made, environment = under_way.bundle, under_way.environment
    yield from upstream.as_records(under_way, Path.cwd())
    if reports is not None and (found := _report(reports, made.commit)):
        yield "/api/reports", found
    for waiver in approvals.in_force(Path.cwd(), environment.name, dt.datetime.now(dt.UTC).date()):
        names = ("rule", "resource", "environment", "reason", "owner", "approver", "ticket")
        yield (
            "/api/waivers",
            {
                "id": ledger.identity("waiver", made.commit, waiver.id),
                "commit": made.commit,
                "name": waiver.id,
                **{name: getattr(waiver, name) for name in names},
                "expires_on": waiver.expires.isoformat(),
            },
        )
    signed = store.attestations(under_way.session, environment.bucket, made.digest, attestations.TYPES)
    for name, raw in signed.items():
        where = f"s3://{environment.bucket}/bundles/{made.digest}/attestations/{name}.json"
        yield _evidence(made.digest, _EVIDENCE[name], raw, where)
    if under_way.version and environment.promote_from and under_way.kind == "deploy":
        yield from _release(under_way, under_way.version)


def _release(under_way: Deployment, version: str) -> Iterator[Record]:
    """A version that serves, and its passport."""
    made, environment = under_way.bundle, under_way.environment
    raw = passport.load(under_way.session, environment, version)
    if raw is not None:
        bucket = f"esclusa-{environment.name}-evidence-{environment.account}"
        yield _evidence(made.digest, "passport", raw, f"s3://{bucket}/passports/{version}.json")
    yield (
        "/api/releases",
        {
            "id": ledger.identity("release", version, made.digest),
            "version": version,
            "commit": made.commit,
            "bundle": made.digest,
            "approver": None if raw is None else _approver(raw),
            "released_at": deployment.now(),
        },
    )


def _approver(raw: bytes) -> str | None:
    """Who let the release pass, by its passport; None when nobody said. The passport was signed a moment ago."""
    predicate = json.loads(base64.b64decode(json.loads(raw)["payload"]))["predicate"]
    found = predicate.get("people", {}).get("approvers") or []
    names = [str(one["approver"]) for one in found if one.get("state") == "approved"]
    return ", ".join(names)[:200] or None


def _evidence(bundle: str, name: str, raw: bytes, location: str) -> Record:
    digest = hashlib.sha256(raw).hexdigest()
    return (
        "/api/evidence",
        {
            "id": ledger.identity("evidence", bundle, location, digest),
            "bundle": bundle,
            "name": name,
            "media_type": _DSSE,
            "sha256": digest,
            "size": len(raw),
            "location": location,
            "document": None,
        },
    )


def _report(reports: Path, commit: str) -> dict[str, Any] | None:
    """The stages' reports as one; None when there are none. attestations.publish held them against the commit."""
    found = [one["raw"] for stage in _STAGES if (one := attestations.report(reports, stage, commit))]
    if not found:
        return None
    findings = [_finding(one) for report in found for one in report.get("findings", [])]
    findings.sort(key=lambda one: (one["waiver"] is not None, SEVERITIES.index(one["severity"])))
    return {
        "id": ledger.identity("report", commit),
        "commit": commit,
        "finished_at": deployment.now(),
        "stages": [
            {name: stage[name] for name in ("name", "status", "seconds")}
            for report in found
            for stage in report["stages"]
        ],
        "findings": findings[:_MOST_FINDINGS],
    }


def _finding(one: Mapping[str, Any]) -> dict[str, Any]:
    """A finding within the ledger's limits."""
    return {
        name: value[: _MOST[name]] if name in _MOST and isinstance(value, str) else value
        for name, value in one.items()
    }
