"""What runs where, since when, how far behind the branch, frozen or drifted."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ProfileNotFound

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, PipelineError
from pipeline.base.run import run
from pipeline.base.text import one_line
from pipeline.delivery import aws, stack
from pipeline.delivery.stack import Stack
from pipeline.evidence import notes, served
from pipeline.release import drift, freeze, promote, withdrawal
from pipeline.source.samconfig import Environment
from pipeline.source.tags import version as parse_version


@dataclass(frozen=True)
class Row:
    """One environment. `behind` counts the branch's commits that it doesn't run; None where that can't be told."""

    environment: str
    state: str
    version: str = "-"
    commit: str = "-"
    age: str = "-"
    behind: int | None = None
    soak: str = "-"
    frozen: str = "no"
    withdrawn: str = "no"
    drift: str = "-"
    address: str = "-"
    asked: bool = True  # False: `state` says why the account can't be asked


def row(environment: Environment, every: Mapping[str, Environment], profile: str | None) -> Row:
    now = dt.datetime.now(dt.UTC)
    frozen = freeze.active(environment, now)
    until = frozen.text if frozen else "no"
    try:
        session = aws.session(environment, profile)
        aws.check_account(session, environment)
        live = stack.read(session, environment.stack_name)
        return _live(session, environment, every, live, until, now)
    except PipelineError as error:
        return Row(environment.name, f"can't be asked: {error.message}", frozen=until, asked=False)
    except ProfileNotFound as error:
        raise ConfigurationError(f"{error}", "Name a profile of ~/.aws/config.") from error


def _live(
    session: boto3.Session,
    environment: Environment,
    every: Mapping[str, Environment],
    live: Stack,
    frozen: str,
    now: dt.datetime,
) -> Row:
    commit = live.parameters.get("Commit", "-")
    since = _since(session, environment, commit)
    bundle = live.parameters.get("BundleDigest", "")
    found = drift.find(session, environment, live)
    return Row(
        environment=environment.name,
        state=live.status,
        version=_version(commit, environment.repository),
        commit=commit,
        age=_span(now - since) if since else "-",
        behind=_behind(commit, environment.application.branch, environment.repository),
        soak=_soak(session, environment, every, bundle, since, now),
        frozen=frozen,
        withdrawn=(withdrawal.note(session, environment, bundle) if bundle else "") or "no",
        drift=", ".join(f"{one.kind} {one.what}" for one in found) or "none",
        address=live.outputs.get(environment.application.url, "-"),
    )


def _version(commit: str, repository: Path) -> str:
    """The highest release tag of the commit; `-` when it has none."""
    if not git.COMMIT.fullmatch(commit):
        return "-"
    tags = []
    for _, tag in git.tags("--points-at", commit, cwd=repository) if git.exists(commit, repository) else ():
        try:
            tags.append((parse_version(tag), tag))
        except PipelineError:
            continue
    return max(tags)[1] if tags else "-"


def _behind(commit: str, branch: str, repository: Path) -> int | None:
    ref = git.branch(branch, repository)
    done = run(["git", "rev-list", "--count", f"{commit}..{ref}"], cwd=repository, check=False)
    return int(done.stdout) if ref and done.status == 0 else None


def _soak(
    session: boto3.Session,
    environment: Environment,
    every: Mapping[str, Environment],
    bundle: str,
    since: dt.datetime | None,
    now: dt.datetime,
) -> str:
    """How long until what runs here may be promoted further; or why it may not."""
    target = next((one for one in every.values() if one.promote_from == environment.name), None)
    if target is None or since is None:
        return "-"
    if why := promote.obstacle(session, environment, target, bundle):
        return f"not for {target.name}: {one_line(why)}"
    left = since + dt.timedelta(minutes=target.soak_minutes) - now
    return f"ready for {target.name}" if left <= dt.timedelta(0) else f"{_span(left)} until {target.name}"


def _since(session: boto3.Session, environment: Environment, commit: str) -> dt.datetime | None:
    """Since when a commit serves; None where that wasn't noted, or the note isn't believed, which drift tells of."""
    try:
        found = served.find(session, environment, commit) if git.COMMIT.fullmatch(commit) else None
    except notes.DisbelievedError:
        return None
    return found.since if found else None


def _span(span: dt.timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    return (
        f"{days} d {rest // 60} h"
        if days
        else f"{rest // 60} h {rest % 60} min"
        if rest >= 60
        else f"{rest} min"
    )
