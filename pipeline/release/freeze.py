"""`pipeline freeze ENV --until DAY --reason WHY`: stop deployments for a while, through git, so that it is reviewed."""

import argparse
import datetime as dt
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.run import run
from pipeline.base.text import one_line
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment

FILE = "policies/freezes.toml"
TRAILER = "Hotfix"
_LONGEST = 90  # days
_HEAD = """\
# Times in which an environment takes no deployment, but for commits with a trailer `Hotfix: why`. Written by
# `pipeline freeze`, merged like any change; what stands on the branch that is deployed counts. A freeze ends by itself.
"""


@dataclass(frozen=True)
class Freeze:
    """No deployment to `environment` until `until` (UTC), for `reason`."""

    environment: str
    until: dt.datetime
    reason: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument(
        "--until", required=True, metavar="TIME", help="2026-12-31 or 2026-12-31T18:00Z; UTC unless it says"
    )
    parser.add_argument("--reason", required=True, help="why; whoever wants to deploy reads this")


def main(args: argparse.Namespace) -> int:
    """Add the freeze to the file; it counts once that is merged."""
    environment = samconfig.read(Path.cwd(), args.environment)
    now = dt.datetime.now(dt.UTC)
    until = _time(args.until, f"--until {args.until}")
    if not now < until <= now + dt.timedelta(days=_LONGEST):
        raise ConfigurationError(f"--until {args.until} is not within the next {_LONGEST} days.")
    if not args.reason.strip():
        raise ConfigurationError("A freeze needs a reason.")
    path = Path.cwd() / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    entry = (
        f'\n[[freeze]]\nenvironment = "{environment.name}"\n'
        f"until = {until.isoformat(timespec='seconds').replace('+00:00', 'Z')}\n"
        f"reason = {json.dumps(args.reason.strip(), ensure_ascii=False)}\n"
    )
    parse(text + entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + entry, encoding="utf-8")
    print(
        f"{FILE}: {environment.name} is frozen until {until:%Y-%m-%d %H:%M} UTC,"
        f" once this is merged to {environment.application.branch}"
    )
    return 0


def check(repository: Path, environment: Environment, commit: str) -> None:
    """Raises GateError while the environment is frozen, unless the commit is marked as a hotfix."""
    frozen = active(repository, environment, dt.datetime.now(dt.UTC))
    if frozen is None:
        return
    marked = run(
        ["git", "log", "-1", f"--format=%(trailers:key={TRAILER},valueonly,separator=%x20)", commit],
        cwd=repository,
        check=False,
    ).stdout.strip()
    if marked:
        print(
            f"  {environment.name} is frozen ({one_line(frozen.reason)}); this is a hotfix: {one_line(marked)}"
        )
        return
    raise GateError(
        f"{environment.name} is frozen until {frozen.until:%Y-%m-%d %H:%M} UTC: {one_line(frozen.reason)}",
        f"Wait; or, for what can't wait, commit with a trailer `{TRAILER}: why`. {FILE} holds the freeze.",
    )


def active(repository: Path, environment: Environment, now: dt.datetime) -> Freeze | None:
    """The freeze that holds now, by the file on the application's branch; of several, the one that ends last."""
    text = _merged(repository, environment.application.branch)
    found = [one for one in parse(text) if one.environment == environment.name and one.until > now]
    return max(found, key=lambda one: one.until, default=None)


def _merged(repository: Path, branch: str) -> str:
    """The file as the branch has it: a tag from before the freeze must not escape it."""
    if ref := git.branch(branch, repository):
        done = run(["git", "show", f"{ref}:{FILE}"], cwd=repository, check=False)
        return done.stdout if done.status == 0 else ""
    path = repository / FILE
    git.head(repository)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def parse(text: str) -> list[Freeze]:
    """The freezes in a file. Raises ConfigurationError: one that can't be read must not be overlooked."""
    try:
        data = tomllib.loads(text)
        entries = data.get("freeze", [])
        return [
            Freeze(str(one["environment"]), _time(one["until"], FILE), str(one["reason"])) for one in entries
        ]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{FILE} can't be read: {error!r}.", "Mend it: nothing is deployed till then."
        ) from error


def _time(value: object, where: str) -> dt.datetime:
    try:
        found = value if isinstance(value, dt.date) else dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {value!r} is no time such as 2026-12-31T18:00Z.") from error
    if not isinstance(found, dt.datetime):
        found = dt.datetime(found.year, found.month, found.day, tzinfo=dt.UTC)
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
