"""Signed statements about bundles, made in a test."""

import json
from pathlib import Path
from typing import Any

from pipeline.delivery.bundle import Bundle
from pipeline.evidence import attestations, served
from pipeline.evidence.served import Served
from pipeline.source.samconfig import Environment
from tests.pipeline.cloud import URL

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/ledger",
    "GITHUB_WORKFLOW_REF": "acme/ledger/.github/workflows/deploy-dev.yml@refs/heads/main",
    "GITHUB_RUN_ID": "7",
}
REPOSITORY = "https://github.com/acme/ledger"


def reports(folder: Path, made: Bundle, **status: str) -> Path:
    """The reports of the three stages, as a workflow's artifacts bring them; passed, unless `status` says."""
    for stage in ("lint", "policy", "test"):
        file = folder / f"report-{stage}" / "report.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        one = {"name": stage, "status": status.get(stage, "passed"), "seconds": 1.0}
        file.write_text(json.dumps({"schema": 1, "commit": made.commit, "stages": [one], "findings": []}))
    return folder


def publish(cloud: Any, environment: Any, made: Bundle, folder: Path, **status: str) -> dict[str, bytes]:
    """Sign what the reports say of a bundle, and store it."""
    return attestations.publish(cloud, environment, made, reports(folder, made, **status))


def note(cloud: Any, environment: Environment, made: Bundle, **changes: Any) -> None:
    """Note that a bundle serves, signed by the account's key."""
    whole: dict[str, Any] = {
        "commit": made.commit,
        "bundle": made.digest,
        "release": "0" * 64,
        "version": None,
        "deployed_at": "2026-01-01T00:00:00.000Z",
        "address": URL,
    }
    served.note(cloud, environment, Served(**{**whole, **changes}))
