"""What goes into a passport, gathered while a release is deployed."""

import datetime as dt
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.base.canonical import canonical
from pipeline.base.errors import GateError
from pipeline.delivery import deployment, store
from pipeline.delivery.bundle import TEMPLATE
from pipeline.delivery.changeset import ChangeSet
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import attestations, envelope, passport, people
from pipeline.evidence import passport_page as page
from pipeline.gate import approvals
from pipeline.plan.model import Effect

log = logging.getLogger(__name__)

FOLDER = Path("build/passport")
_LARGEST = envelope.LARGEST // 2  # bytes; base64 adds a third, the plan and the change set their part


def gather(under_way: Deployment, version: str, checks: Mapping[str, Any]) -> dict[str, Any]:
    """What a passport says of a release before it is put anywhere. Raises PipelineError.

    All that can fail for a reason that lies in the release, such as a commit that can't be told of in a passport,
    fails here: once the release serves, it is too late.
    """
    made, environment = under_way.bundle, under_way.environment
    passport.prepare(under_way.session, environment, version, made)
    FOLDER.mkdir(parents=True, exist_ok=True)
    repository = environment.repository
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
        "digests": {
            "bundle": made.digest,
            "release": under_way.release.digest,
            "files": attestations.of(made),
            "template": made.files[TEMPLATE],
            "parameters": dict(under_way.release.parameters),
        },
        "decisions": list(under_way.decisions),
        "run": deployment.run_url(),
    }
    size = len(canonical(content))
    if size > _LARGEST:
        raise GateError(
            f"The passport of {version} would take {size} bytes and more; {_LARGEST} are the most.",
            f"Is there an author's name, a subject or a waiver of that length behind {made.commit}?",
        )
    return content


def planned(gathered: Mapping[str, Any], effect: Effect | None, changes: ChangeSet | None) -> dict[str, Any]:
    """What was gathered, with the plan of the release and the change set that is executed for it."""
    return {
        **gathered,
        "plan": {} if effect is None else {**asdict(effect), "dangers": effect.dangers},
        "changes": [] if changes is None else [asdict(one) for one in changes.changes],
    }


def issue(under_way: Deployment, gathered: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    """Issue the passport of a release that serves, and return its digest.

    It is also written to build/passport, as JSON and as a page, for a workflow to keep.
    """
    made, version = under_way.bundle, str(gathered["version"])
    content = {
        **gathered,
        "live": dict(live),
        "times": {"started_at": under_way.started_at, "finished_at": deployment.now()},
    }
    raw = passport.issue(under_way.session, under_way.environment, content, attestations.of(made))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{version}.json").write_bytes(raw)
    (FOLDER / f"{version}.html").write_text(page.of_passport(content), encoding="utf-8")
    digest = hashlib.sha256(raw).hexdigest()
    log.info(f"  passport of {version}: SHA-256 {digest}")
    return digest
