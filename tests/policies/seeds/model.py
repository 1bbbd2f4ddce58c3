"""A seed: one fault put into a clean copy of the real files, and the rule and line that must tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.source import application
from pipeline.source.project import Project
from tests.stacks import ROOT, account, region


@dataclass(frozen=True)
class Seed:
    """`old` in `file` becomes `new`; one of `rules` must report the line that holds `at`.

    With an empty `old`, `new` is the whole of a new file. `at` defaults to the first line of `new`; an `at`
    that `new` doesn't hold is looked for in the whole file, for faults that show elsewhere.
    """

    name: str
    file: str
    old: str
    new: str
    rules: str  # names with blanks between; TOOL/RULE where a tool tells it
    at: str = ""

    @property
    def tool(self) -> str:
        """The tool that tells it, if no rule of our own does."""
        return self.rules.partition("/")[0] if "/" in self.rules else ""

    def apply(self, files: Mapping[str, bytes]) -> tuple[dict[str, bytes], int]:
        """The changed files, and the 1-based line at which the finding is expected."""
        if not self.old:
            return {**files, self.file: self.new.encode()}, self._line(self.new, 0)
        text = files[self.file].decode()
        place = text.find(self.old)
        if place < 0:
            raise LookupError(f"seed {self.name!r}: {self.file} no longer holds {self.old!r}")
        changed = text[:place] + self.new + text[place + len(self.old) :]
        return {**files, self.file: changed.encode()}, self._line(changed, place)

    def _line(self, text: str, start: int) -> int:
        if self.at and self.at not in self.new:
            start = max(0, text.find(self.at))
        elif self.at:
            start += self.new.find(self.at)
        else:
            start += len(self.new) - len(self.new.lstrip("\n"))
        return text.count("\n", 0, start) + 1


@dataclass(frozen=True)
class Harmless:
    """A change that nobody should be alarmed by: (file, old, new) edits, or whole new contents with old ''."""

    name: str
    edits: tuple[tuple[str, str, str], ...]

    def apply(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        result = dict(files)
        for file, old, new in self.edits:
            text = result[file].decode() if old else ""
            if old and old not in text:
                raise LookupError(f"change {self.name!r}: {file} no longer holds {old!r}")
            result[file] = (text.replace(old, new) if old else new).encode()
        return result


def only(project: Project, folders: tuple[str, ...], files: tuple[str, ...]) -> dict[str, bytes]:
    """The part of a project's files that own rules look at, so that a seed is judged in no time."""
    return {name: body for name, body in project.files.items() if name in files or name.startswith(folders)}


def _as_here(value: Any) -> Any:
    """A seed with this repository's names, ids and region in the place of those that the seeds are written with."""
    if isinstance(value, str):
        for written, here in _here().items():
            value = value.replace(written, here)
        return value
    if isinstance(value, list):
        return [_as_here(item) for item in value]
    return {key: _as_here(item) for key, item in value.items()} if isinstance(value, dict) else value


@cache
def _here() -> dict[str, str]:
    one = application.read(ROOT)
    return {
        "111111111111": account("dev"),
        "222222222222": account("prod"),
        "eu-west-1": region("prod"),
        "acme/ledger": one.repository,
        "@acme/": f"@{one.repository.split('/')[0]}/",
        "esclusa": one.name,
    }


def read(folder: Path) -> tuple[list[tuple[str, Seed]], list[Harmless]]:
    """The seeds by group, and the harmless changes, of every YAML file in a folder: a file a group."""
    seeds, harmless = [], []
    for path in sorted(folder.glob("*.yaml")):
        # The C one: in a tenth of the time.
        data = _as_here(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
        seeds += [(path.stem, Seed(**({"old": ""} | one))) for one in data.get("seeds", [])]
        for one in data.get("harmless", []):
            edits = tuple((edit["file"], edit.get("old", ""), edit["new"]) for edit in one["edits"])
            harmless.append(Harmless(one["name"], edits))
    return seeds, harmless
