"""What the environment before this one ran, by the notes in its bucket: for a ledger that shows both side by side."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pipeline.base import git, summary
from pipeline.base.errors import GateError
from pipeline.base.run import run
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import attestations, notes, served
from pipeline.evidence.served import Served
from pipeline.ledger import client as ledger
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment

COMMITS = 30  # of the branch, the newest


def deployments(under_way: Deployment) -> list[ledger.Deployment]:
    """The deployments that are noted of the branch's newest commits, oldest first; none where nothing is promoted from.

    Each note was signed there, after the release was seen to serve; one that isn't is told of, and left out. Who
    started it and how long it took isn't noted.
    """
    name = under_way.environment.promote_from
    if not name:
        return []
    source = samconfig.read(under_way.environment.repository, name)
    return [
        ledger.Deployment(
            id=ledger.identity("upstream", name, note.commit, note.release, note.deployed_at),
            environment=name,
            commit=note.commit,
            bundle=note.bundle,
            release=note.release,
            version=None,
            kind="deploy",
            status="succeeded",
            started_at=note.deployed_at,
            finished_at=note.deployed_at,
            run=None,
            actor=f"the pipeline of {name}",
            detail=None,
        )
        for note in sorted(_notes(under_way, source), key=lambda one: one.since)
    ]


def _notes(under_way: Deployment, source: Environment) -> Iterator[Served]:
    repository = under_way.environment.repository
    ref = git.branch(under_way.environment.application.branch, repository)
    if ref is None:
        return
    by = attestations.trusted_key(under_way.session, under_way.environment)
    done = run(["git", "rev-list", "--first-parent", f"--max-count={COMMITS}", ref], cwd=repository)
    for commit in done.stdout.split():
        try:
            note = served.find(under_way.session, source, commit, by)
        except notes.DisbelievedError as error:
            summary.warning("Not recorded", error.message)
            continue
        except GateError:
            continue  # S3 answers so too when there is no note: not every commit is deployed
        if note is not None:
            yield note


def as_records(under_way: Deployment) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same as the ledger's API takes them, each with its path."""
    for one in deployments(under_way):
        yield ledger.PATH, asdict(one)
