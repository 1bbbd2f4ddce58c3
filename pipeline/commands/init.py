"""`pipeline init`: write a team's own names where the example's stand."""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from pipeline.source import adoption
from pipeline.source.adoption import TEAMS, Names


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments. What isn't given is asked for on a terminal, and else stays."""
    parser.add_argument("--name", help="begins every name in the accounts, such as shop")
    parser.add_argument(
        "--repository", metavar="OWNER/REPOSITORY", help="on GitHub (the remote `origin`, where it is there)"
    )
    parser.add_argument("--branch", help="the branch that is deployed from")
    parser.add_argument("--region", help="the region of AWS that all of it lives in")
    parser.add_argument(
        "--account",
        action="append",
        default=[],
        metavar="ENV=ID",
        help="an environment's account id, 12 digits",
    )
    parser.add_argument(
        "--team",
        action="append",
        default=[],
        metavar="ROLE=@ORG/TEAM",
        help=f"who reviews: {', '.join(TEAMS)} (@OWNER/ROLE)",
    )
    parser.add_argument("--yes", action="store_true", help="write without asking")


def main(args: argparse.Namespace) -> int:
    """Show what changes, and write it once that is confirmed; exit 1 when it wasn't."""
    root = Path.cwd()
    now = adoption.current(root)
    changed = adoption.changes(root, _wanted(args, now, root))
    if not changed:
        print("Every name stands where it belongs: nothing to change.")
        return 0
    for file, (before, after) in changed.items():
        rows = difflib.unified_diff(before.splitlines(), after.splitlines(), file, file, n=0, lineterm="")
        print("\n".join(rows))
    if not args.yes and not _confirmed():
        print("Nothing was written. To write it: --yes")
        return 1
    adoption.write(root, changed)
    print(f"written: {', '.join(changed)}. Look at it with `git diff`, then run `make check`.")
    return 0


def _wanted(args: argparse.Namespace, now: Names, root: Path) -> Names:
    accounts = _pairs(args.account, "--account", now.accounts)
    teams = _pairs(args.team, "--team", TEAMS)
    asking = sys.stdin.isatty() and not args.yes
    name = args.name or _asked("Name of the application", now.name, asking)
    repository = args.repository or _asked("Repository on GitHub", _origin(root) or now.repository, asking)
    branch = args.branch or _asked("Branch that is deployed from", now.branch, asking)
    region = args.region or _asked("Region", now.region, asking)
    ids = {
        environment: accounts.get(environment) or _asked(f"Account id of {environment}", account, asking)
        for environment, account in now.accounts.items()
    }
    owner, before = repository.partition("/")[0], now.repository.partition("/")[0]
    # A team of the old owner's becomes one of the new; whoever named others keeps them.
    kept = {role: re.sub(rf"^@{re.escape(before)}/", f"@{owner}/", team) for role, team in now.teams.items()}
    owners = {role: teams.get(role) or _asked(f"Who reviews as {role}", kept[role], asking) for role in kept}
    return replace(
        now, name=name, repository=repository, branch=branch, region=region, accounts=ids, teams=owners
    )


def _pairs(given: list[str], option: str, known: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or key not in known:
            raise ConfigurationError(f"{option} {one}: it takes NAME=VALUE, with {', '.join(known)} as NAME.")
        if key in found:
            raise ConfigurationError(f"{option} names {key} twice.")
        found[key] = value
    return found


def _origin(root: Path) -> str:
    """OWNER/REPOSITORY of the remote `origin`, if that is one on GitHub; a forge of another kind has no say here."""
    if not (root / ".git").exists():
        return ""
    done = run(["git", "remote", "get-url", "origin"], cwd=root, check=False)
    found = re.fullmatch(
        r"(?:https://|ssh://git@|git@)github\.com[:/]([^/\s]+/[^/\s]+?)(?:\.git)?/?", done.stdout.strip()
    )
    return found[1] if done.status == 0 and found else ""


def _asked(what: str, default: str, asking: bool) -> str:
    return (input(f"{what} [{default}]: ").strip() or default) if asking else default


def _confirmed() -> bool:
    return sys.stdin.isatty() and input("Write this? [y/N] ").strip().lower() in ("y", "yes")
