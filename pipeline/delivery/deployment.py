"""One deployment under way: what is put where, over what, by whom."""

import datetime as dt
import logging
import os
from dataclasses import dataclass, replace

import boto3

from pipeline.base import git
from pipeline.base.errors import GateError
from pipeline.delivery import parameters, stack
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.stack import Stack
from pipeline.ledger import client as ledger
from pipeline.source import application
from pipeline.source.application import Application
from pipeline.source.samconfig import Environment

log = logging.getLogger(__name__)

_MOST_DETAIL = 2000  # characters that the ledger takes


@dataclass(frozen=True)
class Deployment:
    """Where, what, with which credentials, over which previous stack. `kind` is deploy or rollback.

    `decisions` are those by which it goes on where it would be stopped: in a freeze, over drift. `application` is what
    the bundle's own commit says of it: an earlier one may have answered at other routes.
    """

    environment: Environment
    application: Application
    session: boto3.Session
    bundle: Bundle
    release: parameters.Release
    before: Stack
    actor: str
    version: str | None
    started_at: str
    kind: str = "deploy"
    decisions: tuple[str, ...] = ()

    @property
    def released(self) -> str | None:
        """The version that this releases, with a passport; None for a rollback and where nothing is promoted to."""
        return self.version if self.environment.promote_from and self.kind == "deploy" else None

    def row(self, status: str, detail: str | None, moment: str) -> ledger.Deployment:
        """What the ledger is told. `moment` tells this attempt from others of the same release."""
        told = ". ".join([*self.decisions, *([detail] if detail else [])])
        return ledger.Deployment(
            id=ledger.identity(self.environment.name, self.release.digest, status, moment),
            environment=self.environment.name,
            commit=self.bundle.commit,
            bundle=self.bundle.digest,
            release=self.release.digest,
            version=self.version,
            kind=self.kind,
            status=status,
            started_at=self.started_at,
            finished_at=now(),
            run=run_url(),
            actor=self.actor,
            detail=told[:_MOST_DETAIL] or None,
        )


def begin(
    session: boto3.Session,
    environment: Environment,
    made: Bundle,
    actor: str,
    *,
    kind: str = "deploy",
    version: str | None = None,
    decisions: tuple[str, ...] = (),
) -> Deployment:
    """Look at what is there, and whether this may come after it. Raises GateError when not."""
    log.info(f"{environment.name}: bundle {made.digest} of commit {made.commit}")
    before = stack.ready(session, environment.stack_name)
    if before.exists and kind == "deploy":
        _no_overtaking(environment, before, made)
    release = parameters.of_release(session, environment, made)
    if kind == "rollback":
        release = replace(release, parameters=parameters.at_once(release.parameters))
    own = application.of(made.commit, environment.repository, environment.application)
    return Deployment(
        environment, own, session, made, release, before, actor, version, now(), kind, decisions
    )


def _no_overtaking(environment: Environment, before: Stack, made: Bundle) -> None:
    """An older commit must not replace a newer one that is live already."""
    live = before.parameters.get("Commit", "")
    if live == made.commit or not git.COMMIT.fullmatch(live):
        return
    for commit in (live, made.commit):
        if not git.exists(commit, environment.repository):
            raise GateError(
                f"{environment.name} runs commit {live}; this clone does not hold {commit}.",
                "Fetch the whole history (fetch-depth: 0). Whether this deployment is newer can't be told without it.",
            )
    if not git.is_ancestor(live, made.commit, environment.repository):
        raise GateError(
            f"{environment.name} runs commit {live}, which {made.commit} does not contain.",
            "An older or foreign commit does not overtake a newer one. Merge first, and deploy the merge;\n"
            "  to go back on purpose: pipeline rollback.",
        )


def now() -> str:
    """This moment in RFC 3339, UTC, to the millisecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def started_by(arn: str) -> str:
    """Who started this run, by GitHub's word; outside of a workflow who the credentials belong to.

    A run that somebody starts again is theirs, not its first actor's.
    """
    names = ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR")
    return next((said for name in names if (said := os.environ.get(name))), arn)


def tag() -> str | None:
    """The tag that this workflow run is for; None for any other run."""
    return os.environ.get("GITHUB_REF_NAME") if os.environ.get("GITHUB_REF_TYPE") == "tag" else None


def run_url() -> str | None:
    """The address of this workflow run; None outside of one."""
    parts = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None
