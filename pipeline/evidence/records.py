"""What the ledger is told of a release besides its deployment: the gate's report, waivers, evidence, approvers."""

import base64
import datetime as dt
import hashlib
import itertools
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from pipeline.base import summary
from pipeline.base.errors import GateError, PipelineError, said
from pipeline.delivery import deployment, stack, store
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.deployment import Deployment
from pipeline.delivery.stack import Stack
from pipeline.evidence import attestations, outbox, passport, upstream
from pipeline.gate import approvals
from pipeline.gate.findings import SEVERITIES
from pipeline.ledger import client as ledger
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment
from pipeline.source.stages import STAGES

log = logging.getLogger(__name__)

_MOST_FINDINGS = 500  # what the ledger takes of one report, the worst first
_MOST = {"title": 500, "file": 1000, "message": 4000, "remediation": 4000, "resource": 300}  # characters
_EVIDENCE = {"provenance": "attestation", "tests": "checks", "policy": "checks", "sbom": "bill-of-materials"}

type Record = tuple[str, dict[str, Any]]


def keep(session: boto3.Session, environment: Environment, made: Bundle, reports: Path) -> None:
    """Keep the stages' reports beside the bundle that they are of, for the ledgers further on, if there are any."""
    if not environment.application.ledger:
        return
    for stage in STAGES:
        if found := attestations.report(reports, stage, made.commit):
            store.write(session, environment.bucket, _key(made.digest, stage), found.content)


def _key(digest: str, stage: str) -> str:
    return f"bundles/{digest}/reports/{stage}.json"


def gather(
    under_way: Deployment, reports: Path | None, checks: Mapping[str, Any] | None = None
) -> list[Record]:
    """What stands behind a release, read before it is put anywhere. What can't be read is told of, and left out.

    `reports` holds a folder a stage with its report.json, where the bundle was built; further on `checks` are the
    verified statements, which say what the kept reports hash to. Nothing where the application keeps no ledger.
    """
    if not under_way.environment.application.ledger:
        return []
    found: list[Record] = []
    for source in (  # each is read within its own `with`
        _reports(under_way, reports, checks or {}),
        _waivers(under_way),
        _statements(under_way),
        upstream.as_records(under_way),  # another account's: what it says comes last
    ):
        with _warned():
            found += source
    return found


def tell(under_way: Deployment, gathered: Iterable[Record]) -> None:
    """Tell the ledger of an environment what was gathered of the release that serves there, and of the release.

    What is told again is recorded once. Each record is told on its own: one that the ledger refuses is told of, and
    holds up none of the others. A ledger that doesn't listen changes nothing about the deployment. An application that
    keeps none is told nothing.
    """
    if not under_way.environment.application.ledger:
        return
    with _warned():
        outputs = stack.read(under_way.session, under_way.environment.stack_name).outputs
        url = outputs.get(under_way.application.url)
        if url is None:
            return
        new: list[bool] = []
        for record in itertools.chain(gathered, _release(under_way)):
            with _warned():
                new.append(_tell(under_way, url, record))
        log.info(f"  the ledger was told of {len(new)} records behind it, {sum(new)} of them new")


def _tell(under_way: Deployment, url: str, record: Record) -> bool:
    """Tell the ledger of a record; whether it was new. One that it doesn't take waits for the next deployment.

    But for what the environment before ran: the next deployment reads that anew.
    """
    try:
        return ledger.add(under_way.session, url, *record)
    except PipelineError:
        if record[0] != ledger.PATH:
            outbox.keep(under_way.session, under_way.environment, under_way.bundle.digest, *record)
        raise


def tell_withdrawal(
    session: boto3.Session,
    environment: Environment,
    live: Stack,
    bundle: str,
    raw: bytes,
    location: str,
    said: Mapping[str, str],
) -> None:
    """Tell the ledger, if there is one, that a bundle was withdrawn. One that doesn't listen is told of."""
    url = live.outputs.get(environment.application.url)
    if not environment.application.ledger or url is None:
        return
    with _warned():
        document = {"environment": environment.name, **said}
        key = ledger.identity("evidence", bundle, location, hashlib.sha256(raw).hexdigest())
        found = ledger.evidence(bundle, "withdrawal", raw, key=key, location=location, document=document)
        ledger.add(session, url, *found)


@contextmanager
def _warned() -> Iterator[None]:
    """Whatever is wrong with a record, a release neither waits for it nor fails by it."""
    try:
        yield
    except Exception as error:  # a report of another form raises whatever it brings up
        summary.warning("Not recorded", f"What stands behind the release is not in the ledger: {said(error)}")


def _reports(under_way: Deployment, reports: Path | None, checks: Mapping[str, Any]) -> Iterator[Record]:
    commit = under_way.bundle.commit
    found = _read(reports, commit) if reports else []
    if found := found or _kept(under_way, checks):
        yield "/api/reports", _report(found, commit)


def _waivers(under_way: Deployment) -> Iterator[Record]:
    made, environment = under_way.bundle, under_way.environment
    for waiver in approvals.in_force(
        environment.repository, environment.name, dt.datetime.now(dt.UTC).date()
    ):
        names = ("rule", "resource", "fact", "environment", "reason", "owner", "approver", "ticket")
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


def _statements(under_way: Deployment) -> Iterator[Record]:
    made, bucket = under_way.bundle, under_way.environment.bucket
    for name, raw in store.attestations(under_way.session, bucket, made.digest, attestations.TYPES).items():
        where = f"s3://{bucket}/bundles/{made.digest}/attestations/{name}.json"
        yield _evidence(made.digest, _EVIDENCE[name], raw, where)


def _release(under_way: Deployment) -> Iterator[Record]:
    """A version that serves, and its passport; nothing where no version is released."""
    made, environment, version = under_way.bundle, under_way.environment, under_way.released
    if version is None:
        return
    raw = passport.load(under_way.session, environment, version)
    if raw is not None:
        where = f"s3://{environment.evidence_bucket}/passports/{version}.json"
        yield _evidence(made.digest, "passport", raw, where)
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
    names = [str(one["approver"]) for one in found if one.get("state") == "approved" and one.get("approver")]
    return ", ".join(names)[:200] or None


def _evidence(bundle: str, name: str, raw: bytes, location: str) -> Record:
    key = ledger.identity("evidence", bundle, location, hashlib.sha256(raw).hexdigest())
    return ledger.evidence(bundle, name, raw, key=key, location=location)


def _read(reports: Path, commit: str) -> list[Any]:
    """The stages' reports; attestations.publish held them against the commit."""
    return [one.data for stage in STAGES if (one := attestations.report(reports, stage, commit))]


def _kept(under_way: Deployment, checks: Mapping[str, Any]) -> list[Any]:
    """The stages' reports from the bucket of the environment before: those that were signed; another one is named."""
    environment = under_way.environment
    name = environment.promote_from
    signed = {
        one["name"]: one["digest"]["sha256"] for one in checks.get("tests", {}).get("configuration", [])
    }
    found = []
    for stage in STAGES if name and signed else ():
        bucket, key = (
            samconfig.read(environment.repository, name).bucket,
            _key(under_way.bundle.digest, stage),
        )
        try:
            raw = store.read(under_way.session, bucket, key, attestations.LARGEST_REPORT)
        except GateError:  # S3 answers so too when there is none
            raw = None
        if raw is None:
            continue
        if hashlib.sha256(raw).hexdigest() == signed.get(f"{stage}/report.json"):
            found.append(json.loads(raw))
        else:
            summary.warning(
                "Report changed",
                f"s3://{bucket}/{key} is not the report that was signed; the ledger is not told of it.",
            )
    return found


def _report(found: list[Any], commit: str) -> dict[str, Any]:
    """The stages' reports as one."""
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
    """A finding within the ledger's limits; one of a report from before findings had facts has none."""
    return {
        name: value[: _MOST[name]] if name in _MOST and isinstance(value, str) else value
        for name, value in {"fact": None, **one}.items()
    }
