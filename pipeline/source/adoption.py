"""The repository in a team's own names: its ids, region and owners in the place of those that stand there now."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from pipeline.source import application, registry, samconfig
from pipeline.source.configuration import FILE, document
from pipeline.source.environments import LAPTOP_ACCOUNT
from pipeline.source.workflows import FOLDER

OWNERS = ".github/CODEOWNERS"
# Where names stand: the settings, who reviews what, the examples of commands that an administrator runs, and the
# workflows that call this repository's own as its branch has them.
FILES = (
    *(FILE, OWNERS, "bootstrap/README.md"),
    *(
        f"{FOLDER}/{name}.yml"
        for name in ("code-scanning", "deploy-dev", "nightly", "pull-request", "release", "rollback")
    ),
)
# Whom CODEOWNERS knows, each by a path that it owns alone.
TEAMS = {"developers": "*", "platform": "/pipeline/", "security": "/policies/"}
_ANYBODYS = ("region", "branch")  # what these begin with is no sign of whose it is
_ACCOUNT = re.compile(r"[0-9]{12}")
_TEAM = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]+)?")


@dataclass(frozen=True)
class Names:
    """What a team calls its own. `branch` is the one that is deployed from; `accounts` has the id of each environment
    that is deployed, by its name; `teams` the owner, `@ORG/TEAM` or `@PERSON`, for each of TEAMS; `environments` are
    all, the laptop's too."""

    name: str
    repository: str
    branch: str
    region: str
    accounts: Mapping[str, str]
    teams: Mapping[str, str]
    environments: tuple[str, ...] = ()


def current(root: Path) -> Names:
    """The names that the repository in `root` has now. Raises ConfigurationError."""
    described, environments = application.read(root), samconfig.read_all(root)
    deployed = {name: one for name, one in environments.items() if one.account != LAPTOP_ACCOUNT}
    regions = {one.region for one in environments.values()}
    if len(regions) != 1:
        raise ConfigurationError(
            f"{FILE} names several regions: {', '.join(sorted(regions))}.", "Change them there by hand."
        )
    return Names(
        described.name,
        described.repository,
        described.branch,
        regions.pop(),
        {name: one.account for name, one in deployed.items()},
        owners(root),
        tuple(environments),
    )


def owners(root: Path) -> dict[str, str]:
    """Whom CODEOWNERS names first for each of TEAMS that it knows."""
    path = root / OWNERS
    rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    owned = {words[0]: words[1:] for words in map(str.split, rows) if words and not words[0].startswith("#")}
    return {team: owned[place][0] for team, place in TEAMS.items() if owned.get(place)}


def faults(names: Names) -> list[str]:
    """What is wrong with names before anything is written; the form of the name is samconfig.toml's reader's."""
    wrong = [
        f"{account!r} is no account id for {environment}: it has 12 digits"
        for environment, account in names.accounts.items()
        if not _ACCOUNT.fullmatch(account) or account == LAPTOP_ACCOUNT
    ]
    by_account: dict[str, list[str]] = {}
    for environment, account in names.accounts.items():
        by_account.setdefault(account, []).append(environment)
    wrong += [
        f"{' and '.join(shared)} have one account, {account}: who may change one could change the other"
        for account, shared in by_account.items()
        if len(shared) > 1
    ]
    if why := registry.no_region(names.region):
        wrong.append(why)
    wrong += [
        f"{owner!r} is no owner for {team}: GitHub takes @ORG/TEAM or @PERSON"
        for team, owner in names.teams.items()
        if not _TEAM.fullmatch(owner)
    ]
    return wrong


@dataclass(frozen=True)
class Standing:
    """A name that stands in one of the files: what it is the name of, and where."""

    what: str
    name: str
    file: str
    line: int


def example() -> Names:
    """The names that the repository comes with."""
    given = tomllib.loads((Path(__file__).with_name("example.toml")).read_text(encoding="utf-8"))
    return Names(**given)


def standing(root: Path, names: Names) -> list[Standing]:
    """Where names of `names` stand in the files of `root`, as init would replace them; not regions and branches."""
    names = replace(names, environments=tuple(samconfig.environment_names(document(root).data)))
    found = []
    for file in FILES:
        text = (root / file).read_text(encoding="utf-8") if (root / file).is_file() else ""
        said = {old: what for what, old in _said(names, file).items() if not what.startswith(_ANYBODYS)}
        for match in _pattern(names, said, file).finditer(text) if said else ():
            line = text.count("\n", 0, match.start()) + 1
            found.append(Standing(said.get(match[0], "name"), match[0], file, line))
    return found


def changes(root: Path, names: Names) -> dict[str, tuple[str, str]]:
    """Each file that differs once the names stand in it: its text before and after. Nothing is written.

    Raises ConfigurationError with all that is wrong with the names.
    """
    wrong = faults(names)
    now = current(root)
    changed = {}
    for file in FILES:
        path = root / file
        if path.is_file():
            before = path.read_text(encoding="utf-8")
            after = renamed(before, now, names, file)
            if after != before:
                changed[file] = (before, after)
    if FILE in changed:
        settled = application.settle(tomllib.loads(changed[FILE][1]))[1]
        wrong += [fault.told for fault in settled]
    if wrong:
        raise ConfigurationError(f"{'; '.join(wrong)}.", "Nothing was written.")
    return changed


def write(root: Path, changed: Mapping[str, tuple[str, str]]) -> None:
    """Write the files, all or none. Raises ConfigurationError where one has changes that are not committed."""
    if (root / ".git").exists():
        words = ["git", "status", "--porcelain", "--untracked-files=no", "-z", "--", *changed]
        dirty = [entry[3:] for entry in run(words, cwd=root).stdout.split("\0") if entry]
        if dirty:
            raise ConfigurationError(
                f"{', '.join(dirty)} has changes that are not committed, which would mix with these.",
                "Commit them, or put them aside (git stash). Nothing was written.",
            )
    fresh = {root / file: root / f"{file}.new" for file in changed}
    try:
        for path, (_, after) in zip(fresh, changed.values(), strict=True):
            fresh[path].write_text(after, encoding="utf-8")
        for path, written in fresh.items():
            written.replace(path)
    finally:
        for written in fresh.values():
            written.unlink(missing_ok=True)


def renamed(text: str, now: Names, to: Names, file: str) -> str:
    """A text with every name replaced, all at once: one that becomes another's old one is not replaced again."""
    new = _said(to, file)
    table = {old: new[what] for what, old in _said(now, file).items() if what in new}
    if file != OWNERS:
        table[now.name] = to.name
    return _pattern(now, table, file).sub(lambda match: table[match[0]], text) if table else text


def _said(names: Names, file: str) -> dict[str, str]:
    """Each name as a file says it, by what it is the name of; but for the application's, which may be any word."""
    if file == OWNERS:
        return {f"who reviews as {team}": owner for team, owner in names.teams.items()}
    owner, _, repository = names.repository.partition("/")
    return {f"account of {environment}": account for environment, account in names.accounts.items()} | {
        "repository": names.repository,
        "repository whose workflows are called": f"{names.repository}/{FOLDER}/",
        "region": names.region,
        "branch in samconfig.toml": f'branch = "{names.branch}"',
        "branch of an event": f'branches: ["{names.branch}"]',
        "branch of a called workflow": f".yml@{names.branch}",
        "branch in GitHub's tokens": f".yml@refs/heads/{names.branch}",
        "branch that an attestation is of": f"--source-ref refs/heads/{names.branch}",
        "branch that the bootstrap is told": f"GitHubBranch={names.branch}",
        # As the bootstrap is told, and as GitHub's tokens say it.
        "owner that the bootstrap is told": f"GitHubOwner={owner}",
        "repository that the bootstrap is told": f"GitHubRepository={repository}",
        "owner in GitHub's tokens": f"repo:{owner}@",
        "repository in GitHub's tokens": f"/{repository}@",
    }


def _pattern(names: Names, said: Iterable[str], file: str) -> re.Pattern[str]:
    """Where any of the texts stands, and the application's own name as such."""
    words = [_whole(old) for old in sorted(said, key=len, reverse=True) if old != names.name]
    return re.compile("|".join([*words, *(_places(names) if file != OWNERS else ())]))


def _whole(text: str) -> str:
    """A pattern of a text that is no part of a longer word."""
    before, after = (r"\b" if one.isalnum() else "" for one in (text[0], text[-1]))
    return f"{before}{re.escape(text)}{after}(?![-/])" if after else f"{before}{re.escape(text)}"


def _places(now: Names) -> Iterator[str]:
    """Where the application's name stands as such: it may be a common word, and be one elsewhere in the file."""
    name = re.escape(now.name)
    ends = "|".join(map(re.escape, (*now.environments, "bootstrap")))
    yield rf"(?<![A-Za-z0-9-]){name}(?=-(?:{ends})\b|/(?:{ends})/)"
    yield rf'(?m:(?<=^name = "){name}(?="))'
    yield rf"(?<=\bapplication=){name}(?!\w)"
    yield rf"(?<=\bName=){name}(?!\w)"
