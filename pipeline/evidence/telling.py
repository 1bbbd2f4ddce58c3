"""A deployment that ended is told of: in the ledger, by the note of what serves, in the step's summary."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from pipeline.base import markdown, summary
from pipeline.base.errors import PipelineError, said
from pipeline.delivery import deployment
from pipeline.delivery.deployment import Deployment
from pipeline.delivery.stack import Stack
from pipeline.evidence import outbox, served
from pipeline.evidence.served import Served
from pipeline.ledger import client as ledger

log = logging.getLogger(__name__)


def succeeded(under_way: Deployment, after: Stack, detail: str | None = None) -> None:
    """Tell of a release that serves. The commit's record comes last: with it, everything is done."""
    _record(under_way, after, under_way.row("succeeded", detail, after.updated))
    served.note(
        under_way.session,
        under_way.environment,
        Served(
            under_way.bundle.commit,
            under_way.bundle.digest,
            under_way.release.digest,
            under_way.version,
            deployment.now(),
            after.outputs.get(under_way.application.url, ""),
        ),
    )
    show_address(under_way, after)
    _summarize(under_way, "succeeded", after.outputs.get(under_way.application.url, ""))


def show_address(under_way: Deployment, at: Stack) -> None:
    """Set the step's output `url`: where the release answers. The environment's page on GitHub leads there."""
    summary.output({"url": at.outputs.get(under_way.application.url, "")})


def failed(under_way: Deployment, reason: str) -> None:
    """Tell of a release that does not serve. Whatever goes wrong with that must not hide why."""
    try:
        _record(under_way, under_way.before, under_way.row("failed", reason, under_way.started_at))
        _summarize(under_way, "failed", reason)
    except Exception as error:
        summary.warning("Not recorded", f"That the deployment failed could not be told: {said(error)}")


@contextmanager
def spared(title: str, what: str) -> Iterator[None]:
    """What fails in here is a warning: something that matters more comes after it."""
    try:
        yield
    except PipelineError as error:
        summary.warning(title, f"{what}: {error.message}")


def _record(under_way: Deployment, at: Stack, row: ledger.Deployment) -> None:
    """Tell the ledger. A ledger that doesn't listen changes nothing about the deployment; what it missed is kept.

    An application that keeps no ledger is told nothing, and nothing is kept for it.
    """
    if not under_way.environment.application.ledger:
        return
    url = _address(under_way, at)
    if url is None:
        log.info("  not recorded: there is no ledger yet")
        return
    try:
        if ledger.record(under_way.session, url, row):
            log.info(f"  recorded in the ledger as {row.id}")
        else:
            log.info(f"  the ledger holds it already, as {row.id}")
    except PipelineError as error:
        lost = f"The deployment could not be recorded in the ledger: {error.message} {_keep(under_way, row)}"
        summary.warning("Not recorded", lost)
        summary.add(markdown.escape(lost))
    else:
        catch_up(under_way, at)


def _keep(under_way: Deployment, row: ledger.Deployment) -> str:
    try:
        where = outbox.keep(under_way.session, under_way.environment, row.bundle, ledger.PATH, asdict(row))
    except PipelineError as error:
        return f"Nor could it be kept for later: {error.message} Record it by hand: {row}"
    return f"It is kept in {where}; the next deployment to {under_way.environment.name} records it."


def catch_up(under_way: Deployment, at: Stack) -> None:
    """Tell the ledger, if there is one, what it missed before."""
    url = _address(under_way, at) if under_way.environment.application.ledger else None
    count = outbox.deliver(under_way.session, under_way.environment, url) if url else 0
    if count:
        log.info(f"  earlier records told late: {count}")


def _address(under_way: Deployment, at: Stack) -> str | None:
    """Where the API of a stack answers: by the output of this release, or by the one that it is called today."""
    today = at.outputs.get(under_way.environment.application.url)
    return at.outputs.get(under_way.application.url, today)


def _summarize(under_way: Deployment, status: str, detail: str) -> None:
    rows = [
        ("environment", under_way.environment.name),
        ("commit", under_way.bundle.commit),
        ("bundle", under_way.bundle.digest),
        ("release", under_way.release.digest),
        ("detail", detail),
    ]
    summary.add(f"### {under_way.kind.capitalize()} {status}\n\n" + summary.table(("", ""), rows))
