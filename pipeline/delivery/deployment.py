"""One deployment under way: what is put where, over what, by whom; and how it is told of."""

import datetime as dt
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

import boto3

from pipeline.base import git, markdown, summary
from pipeline.base.errors import GateError, PipelineError, said
from pipeline.delivery import outbox, parameters, stack, store
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

    `application` is what the bundle's own commit says of it: an earlier one may have answered at other routes.
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

    @property
    def released(self) -> str | None:
        """The version that this releases, with a passport; None for a rollback and where nothing is promoted to."""
        return self.version if self.environment.promote_from and self.kind == "deploy" else None

    def row(self, status: str, detail: str | None, moment: str) -> ledger.Deployment:
        """What the ledger is told. `moment` tells this attempt from others of the same release."""
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
            detail=detail[:_MOST_DETAIL] if detail else None,
        )


def begin(
    session: boto3.Session,
    environment: Environment,
    made: Bundle,
    actor: str,
    *,
    kind: str = "deploy",
    version: str | None = None,
) -> Deployment:
    """Look at what is there, and whether this may come after it. Raises GateError when not."""
    log.info(f"{environment.name}: bundle {made.digest} of commit {made.commit}")
    before = stack.ready(session, environment.stack_name)
    if before.exists and kind == "deploy":
        _no_overtaking(environment, before, made)
    release = parameters.of_release(session, environment, made)
    if kind == "rollback":
        release = replace(release, parameters=parameters.at_once(release.parameters))
    own = application.of(made.commit, Path.cwd(), environment.application)
    return Deployment(environment, own, session, made, release, before, actor, version, now(), kind)


def _no_overtaking(environment: Environment, before: Stack, made: Bundle) -> None:
    """An older commit must not replace a newer one that is live already."""
    live = before.parameters.get("Commit", "")
    if live == made.commit or not git.COMMIT.fullmatch(live):
        return
    for commit in (live, made.commit):
        if not git.exists(commit):
            raise GateError(
                f"{environment.name} runs commit {live}; this clone does not hold {commit}.",
                "Fetch the whole history (fetch-depth: 0). Whether this deployment is newer can't be told without it.",
            )
    if not git.is_ancestor(live, made.commit):
        raise GateError(
            f"{environment.name} runs commit {live}, which {made.commit} does not contain.",
            "An older or foreign commit does not overtake a newer one. Merge first, and deploy the merge;\n"
            "  to go back on purpose: pipeline rollback.",
        )


def succeeded(deployment: Deployment, after: Stack, detail: str | None = None) -> None:
    """Tell of a release that serves. The commit's record comes last: with it, everything is done."""
    _record(deployment, after, deployment.row("succeeded", detail, after.updated))
    store.record_commit(
        deployment.session,
        deployment.environment.bucket,
        {
            "environment": deployment.environment.name,
            "commit": deployment.bundle.commit,
            "bundle": deployment.bundle.digest,
            "release": deployment.release.digest,
            "deployed_at": now(),
            "url": after.outputs.get(deployment.application.url, ""),
        },
    )
    show_address(deployment, after)
    _summarize(deployment, "succeeded", after.outputs.get(deployment.application.url, ""))


def show_address(deployment: Deployment, at: Stack) -> None:
    """Set the step's output `url`: where the release answers. The environment's page on GitHub leads there."""
    summary.output({"url": at.outputs.get(deployment.application.url, "")})


def failed(deployment: Deployment, reason: str) -> None:
    """Tell of a release that does not serve. Whatever goes wrong with that must not hide why."""
    try:
        _record(deployment, deployment.before, deployment.row("failed", reason, deployment.started_at))
        _summarize(deployment, "failed", reason)
    except Exception as error:
        summary.warning("Not recorded", f"That the deployment failed could not be told: {said(error)}")


def _record(deployment: Deployment, at: Stack, row: ledger.Deployment) -> None:
    """Tell the ledger. A ledger that doesn't listen changes nothing about the deployment; what it missed is kept.

    An application that keeps no ledger is told nothing, and nothing is kept for it.
    """
    if not deployment.environment.application.ledger:
        return
    url = _address(deployment, at)
    if url is None:
        log.info("  not recorded: there is no ledger yet")
        return
    try:
        if ledger.record(deployment.session, url, row):
            log.info(f"  recorded in the ledger as {row.id}")
        else:
            log.info(f"  the ledger holds it already, as {row.id}")
    except PipelineError as error:
        lost = f"The deployment could not be recorded in the ledger: {error.message} {_keep(deployment, row)}"
        summary.warning("Not recorded", lost)
        summary.add(markdown.escape(lost))
    else:
        catch_up(deployment, at)


def _keep(deployment: Deployment, row: ledger.Deployment) -> str:
    try:
        where = outbox.keep(deployment.session, deployment.environment, row)
    except PipelineError as error:
        return f"Nor could it be kept for later: {error.message} Record it by hand: {row}"
    return f"It is kept in {where}; the next deployment to {deployment.environment.name} records it."


def catch_up(deployment: Deployment, at: Stack) -> None:
    """Tell the ledger, if there is one, what it missed before."""
    url = _address(deployment, at) if deployment.environment.application.ledger else None
    count = outbox.deliver(deployment.session, deployment.environment, url) if url else 0
    if count:
        log.info(f"  recorded late: {count} earlier deployments")


def _address(deployment: Deployment, at: Stack) -> str | None:
    """Where the API of a stack answers: by the output of this release, or by the one that it is called today."""
    today = at.outputs.get(deployment.environment.application.url)
    return at.outputs.get(deployment.application.url, today)


def _summarize(deployment: Deployment, status: str, detail: str) -> None:
    rows = [
        ("environment", deployment.environment.name),
        ("commit", deployment.bundle.commit),
        ("bundle", deployment.bundle.digest),
        ("release", deployment.release.digest),
        ("detail", detail),
    ]
    summary.add(f"### {deployment.kind.capitalize()} {status}\n\n" + summary.table(("", ""), rows))


def now() -> str:
    """This moment in RFC 3339, UTC, to the millisecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tag() -> str | None:
    """The tag that this workflow run is for; None for any other run."""
    return os.environ.get("GITHUB_REF_NAME") if os.environ.get("GITHUB_REF_TYPE") == "tag" else None


def run_url() -> str | None:
    """The address of this workflow run; None outside of one."""
    parts = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None
