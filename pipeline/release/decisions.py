"""Decisions in files of `policies/`: reviewed by their owners, and read as the deployed branch has them.

A title, a commit's message or a tag decides nothing: whoever writes one needs nobody's approval, or writes it after it.
"""

import datetime as dt
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.base import git
from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from pipeline.source.samconfig import Environment
from pipeline.source.tags import RELEASE

type Fields = Mapping[str, type | tuple[type, ...]]  # what an entry states, and of which type


def merged(environment: Environment, file: str) -> str:
    """A file as the application's branch has it, "" where it has none. What a tag or a checkout holds doesn't count."""
    repository = environment.repository
    if ref := git.branch(environment.application.branch, repository):
        done = run(["git", "show", f"{ref}:{file}"], cwd=repository, check=False)
        return done.stdout if done.status == 0 else ""
    path = repository / file
    git.head(repository)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def entries(text: str, file: str, fields: Mapping[str, Fields]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each entry of a file with its table's name; `fields` are the tables, and what each must state.

    Raises ConfigurationError: a decision that can't be read must not be overlooked, nor one that says something else.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(file, f"{error}") from error
    for table, listed in data.items():
        if table not in fields or not isinstance(listed, list):
            raise _unreadable(file, f"{table!r} is none of {', '.join(f'[[{name}]]' for name in fields)}")
        for number, entry in enumerate(listed, 1):
            yield table, _entry(entry, f"{file}: [[{table}]] {number}", fields[table])


def _entry(entry: Any, where: str, fields: Fields) -> dict[str, Any]:
    if not isinstance(entry, dict) or entry.keys() - fields.keys():
        odd = ", ".join(sorted(entry.keys() - fields.keys())) if isinstance(entry, dict) else repr(entry)
        raise _unreadable(where, f"{odd} is not known; it states {', '.join(fields)}")
    for name, kind in fields.items():
        found = entry.get(name)
        if name not in entry:
            raise _unreadable(where, f"{name} is missing")
        if not isinstance(found, kind) or (isinstance(found, str) and not found.strip()):
            raise _unreadable(where, f"{name} is {found!r}")
    return entry


def _unreadable(where: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{where} can't be read: {why}.", "Mend it: nothing is deployed till then.")


def time(value: object, where: str) -> dt.datetime:
    """A moment in UTC from what a file or a person says; a day is its beginning. Raises ConfigurationError."""
    try:
        found = value if isinstance(value, dt.date) else dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {value!r} is no time such as 2026-12-31T18:00Z.") from error
    if not isinstance(found, dt.datetime):
        found = dt.datetime(found.year, found.month, found.day, tzinfo=dt.UTC)
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def names(release: str, commit: str, repository: Path) -> bool:
    """Whether an entry's `release`, a whole commit or a release tag, is the commit."""
    if not RELEASE.match(release):
        return release == commit
    found = run(
        ["git", "rev-parse", "--verify", "--quiet", f"refs/tags/{release}^{{commit}}"],
        cwd=repository,
        check=False,
    )
    return found.status == 0 and found.stdout.strip() == commit


def checked_release(value: str, where: str) -> str:
    """An entry's `release`. Raises ConfigurationError where it is neither a whole commit nor a release tag."""
    if git.COMMIT.fullmatch(value) or RELEASE.match(value):
        return value
    raise _unreadable(where, f"release is {value!r}, neither a commit of 40 digits nor a tag vX.Y.Z")


def written(table: str, values: Mapping[str, object]) -> str:
    """An entry as TOML: texts, lists of texts, and times."""
    return (
        "\n".join([f"[[{table}]]", *(f"{name} = {_value(value)}" for name, value in values.items())]) + "\n"
    )


def _value(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + "".join(f"\n  {_value(one)}," for one in value) + "\n]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def pasted(entry: str) -> str:
    """An entry as it is shown to be pasted."""
    return "".join(f"  | {line}\n" for line in entry.splitlines())
