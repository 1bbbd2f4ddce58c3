"""What goes into a passport, gathered while a release is deployed."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline import approvals, attestations, deployment, page, passport, people, store
from pipeline.bundle import TEMPLATE
from pipeline.changeset import ChangeSet
from pipeline.deployment import Deployment
from pipeline.plan.model import Effect

FOLDER = Path("build/passport")


def issue(
    under_way: Deployment,
    effect: Effect | None,
    changes: ChangeSet | None,
    live: Mapping[str, str],
    checks: Mapping[str, Any],
) -> str:
    """Issue the passport of a release that serves, and return its digest.

    It is also written to build/passport, as JSON and as a page, for a workflow to keep.
    """
    made, environment = under_way.bundle, under_way.environment
    version = str(under_way.version)
    repository = Path.cwd()
    today = dt.datetime.now(dt.UTC).date()
    signed = store.attestations(under_way.session, environment.bucket, made.digest, attestations.TYPES)
    content = {
        "version": version,
        "environment": environment.name,
        "commit": people.commit(made.commit, repository),
        "people": people.behind(made.commit, version, repository),
        "checks": {
            "statements": {name: hashlib.sha256(raw).hexdigest() for name, raw in signed.items()},
            **{name: checks[name] for name in ("tests", "policy", "provenance") if name in checks},
        },
        "waivers": [
            {key: str(value) for key, value in asdict(one).items() if key != "line"}
            for one in approvals.in_force(repository, environment.name, today)
        ],
        "plan": {} if effect is None else {**asdict(effect), "dangers": effect.dangers},
        "changes": [] if changes is None else [asdict(one) for one in changes.changes],
        "digests": {
            "bundle": made.digest,
            "release": under_way.release.digest,
            "files": attestations.of(made),
            "template": made.files[TEMPLATE],
            "parameters": dict(under_way.release.parameters),
        },
        "live": dict(live),
        "times": {"started_at": under_way.started_at, "finished_at": deployment.now()},
        "run": deployment.run_url(),
    }
    raw = passport.issue(under_way.session, environment, content, attestations.of(made))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{version}.json").write_bytes(raw)
    (FOLDER / f"{version}.html").write_text(page.of_passport(content), encoding="utf-8")
    digest = hashlib.sha256(raw).hexdigest()
    print(f"  passport of {version}: SHA-256 {digest}")
    return digest
