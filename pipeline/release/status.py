"""`pipeline status`: what runs where, since when, how far behind the branch, frozen or drifted; on one screen."""

import argparse
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ProfileNotFound

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, PipelineError
from pipeline.base.run import run
from pipeline.base.text import as_json, one_line
from pipeline.delivery import aws, stack, store
from pipeline.delivery.stack import Stack
from pipeline.release import drift, freeze
from pipeline.source import samconfig
from pipeline.source.environments import LAPTOP_ACCOUNT
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
    drift: str = "-"
    address: str = "-"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", nargs="*", help="tables of samconfig.toml (all but the laptop's)")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="ENV=NAME",
        help="the profile of AWS's configuration with credentials for an environment",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed")


def main(args: argparse.Namespace) -> int:
    """Show every environment; one whose account can't be asked is shown with the reason."""
    every = samconfig.read_all(Path.cwd())
    names = args.environment or [one.name for one in every.values() if one.account != LAPTOP_ACCOUNT]
    profiles = _profiles(args.profile)
    rows = [_row(samconfig.read(Path.cwd(), name), every, profiles.get(name), Path.cwd()) for name in names]
    if args.format == "json":
        print(as_json({"schema": 1, "environments": [asdict(one) for one in rows]}))
    else:
        sys.stdout.write(_text(rows))
    return 0


def _profiles(given: Sequence[str]) -> dict[str, str]:
    found = dict(one.partition("=")[::2] for one in given)
    if not all(found.values()):
        raise ConfigurationError("--profile takes ENV=NAME, such as prod=company-prod.")
    return found


def _row(
    environment: Environment, every: Mapping[str, Environment], profile: str | None, repository: Path
) -> Row:
    now = dt.datetime.now(dt.UTC)
    frozen = freeze.active(repository, environment, now)
    until = f"until {frozen.until:%Y-%m-%d %H:%M} UTC: {frozen.reason}" if frozen else "no"
    try:
        session = boto3.Session(profile_name=profile, region_name=environment.region)
        aws.check_account(session, environment)
        live = stack.read(session, environment.stack_name)
        return _live(session, environment, every, live, until, repository, now)
    except PipelineError as error:
        return Row(environment.name, f"can't be asked: {error.message}", frozen=until)
    except ProfileNotFound as error:
        raise ConfigurationError(f"{error}", "Name a profile of ~/.aws/config.") from error


def _live(
    session: boto3.Session,
    environment: Environment,
    every: Mapping[str, Environment],
    live: Stack,
    frozen: str,
    repository: Path,
    now: dt.datetime,
) -> Row:
    commit = live.parameters.get("Commit", "-")
    record = (
        store.commit_record(session, environment.bucket, commit) if git.COMMIT.fullmatch(commit) else None
    )
    since = _time(record.get("deployed_at")) if record else None
    found = drift.find(session, environment, live, repository)
    return Row(
        environment=environment.name,
        state=live.status,
        version=_version(commit, repository),
        commit=commit,
        age=_span(now - since) if since else "-",
        behind=_behind(commit, environment.application.branch, repository),
        soak=_soak(environment, every, since, now),
        frozen=frozen,
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
    environment: Environment, every: Mapping[str, Environment], since: dt.datetime | None, now: dt.datetime
) -> str:
    """How long until what runs here may be promoted further."""
    target = next((one for one in every.values() if one.promote_from == environment.name), None)
    if target is None or since is None:
        return "-"
    left = since + dt.timedelta(minutes=target.soak_minutes) - now
    return f"ready for {target.name}" if left <= dt.timedelta(0) else f"{_span(left)} until {target.name}"


def _time(value: object) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


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


def _text(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row.environment}: {one_line(row.state)}")
        if row.commit == "-":
            lines += [f"  frozen   {one_line(row.frozen)}"] if row.frozen != "no" else []
            continue
        behind = "?" if row.behind is None else str(row.behind)
        lines += [
            f"  version  {row.version}",
            f"  commit   {row.commit}",
            f"  since    {row.age}",
            f"  behind   {behind} commit{'' if behind == '1' else 's'}",
            f"  soak     {row.soak}",
            f"  frozen   {one_line(row.frozen)}",
            f"  drift    {one_line(row.drift)}",
            f"  address  {one_line(row.address)}",
        ]
    return "\n".join(lines) + "\n"
