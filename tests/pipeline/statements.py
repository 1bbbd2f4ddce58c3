"""Signed statements about bundles, made in a test."""

import json
from pathlib import Path
from typing import Any

from pipeline.delivery.bundle import Bundle
from pipeline.evidence import attestations

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
