"""What the environment before this one ran, by the notes in its bucket: for a ledger that shows both side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.base import git
from pipeline.base.errors import GateError
from pipeline.base.run import run
from pipeline.delivery import store
from pipeline.delivery.deployment import Deployment
from pipeline.ledger import client as ledger
from pipeline.source import samconfig

COMMITS = 30  # of the branch, the newest


def deployments(under_way: Deployment, repository: Path) -> list[ledger.Deployment]:
    """The deployments that are noted of the branch's newest commits, oldest first; none where nothing is promoted from.

    Each note was written after the release was seen to serve. Who started it and how long it took isn't noted.
    """
    name = under_way.environment.promote_from
    if not name:
        return []
    source = samconfig.read(repository, name)
    notes = list(_notes(under_way, source.bucket, repository))
    return [
        ledger.Deployment(
            id=ledger.identity(
                "upstream", name, *(note[key] for key in ("commit", "release", "deployed_at"))
            ),
            environment=name,
            commit=note["commit"],
            bundle=note["bundle"],
            release=note["release"],
            version=None,
            kind="deploy",
            status="succeeded",
            started_at=note["deployed_at"],
            finished_at=note["deployed_at"],
            run=None,
            actor=f"the pipeline of {name}",
            detail=None,
        )
        for note in sorted(notes, key=lambda one: str(one["deployed_at"]))
    ]


def _notes(under_way: Deployment, bucket: str, repository: Path) -> Iterator[Mapping[str, Any]]:
    ref = git.branch(under_way.environment.application.branch, repository)
    if ref is None:
        return
    done = run(["git", "rev-list", "--first-parent", f"--max-count={COMMITS}", ref], cwd=repository)
    for commit in done.stdout.split():
        try:
            note = store.commit_record(under_way.session, bucket, commit)
        except GateError:
            continue  # S3 answers so too when there is no note: not every commit is deployed
        if note is not None and {"release", "deployed_at"} <= note.keys():
            yield note


def as_records(under_way: Deployment, repository: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same as the ledger's API takes them, each with its path."""
    for one in deployments(under_way, repository):
        yield ledger.PATH, asdict(one)
