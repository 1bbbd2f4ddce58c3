"""policies/settings.toml: what security lets this application choose of what the rules hold it to.

Each setting stands here once: what holds without it, its bounds, and which way it lets more pass.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.source.located import Document, Place, nodes

FILE = "policies/settings.toml"
OPEN_ROUTES = "open_routes"
OPEN, CLOSED = "catch_all.open", "catch_all.closed"
# What pipeline/iam/grants.py reads.
TYPES, DEPLOYMENT_ACTIONS, ROLE_ACTIONS = "resource_types", "deployment_actions", "role_actions"
RUNTIMES = "runtimes"
ALIKE, AT_LEAST, AT_MOST = "promoted.alike", "promoted.at_least", "promoted.at_most"
ONLY, NEVER = "promoted.only", "promoted.never"
BASELINE = "mypy_baseline"
CODE_FOLDERS = "code_folders"
# A route as it stands in the template: one method of one path. ANY would open what nobody has written yet.
_ROUTE = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE) (/\S*)")
_PREFIX = re.compile(r"/|(/[A-Za-z0-9._:-]+)+")
# CloudFormation takes letters and digits alone.
_PARAMETER = re.compile(r"[A-Za-z0-9]{1,255}")
# A package at the top, which takes the place of nothing that Python itself may look for, on whatever system.
_FOLDER = re.compile(rf"(?!(?:{'|'.join(sorted(sys.stdlib_module_names))})$)[A-Za-z_][A-Za-z0-9_]*")
# The Python runtimes of Lambda that this engine builds for. Source: AWS Lambda developer guide, "Lambda runtimes".
_PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")


@dataclass(frozen=True)
class Number:
    """A setting that is a whole number. `default` holds without it; `why` says where the bounds come from.

    `more` tells whether a greater one lets more pass; else a smaller one does.
    """

    default: int
    least: int
    most: int
    more: bool
    why: str


# Log groups keep at most ten years: the allowed values of AWS::Logs::LogGroup RetentionInDays.
NUMBERS: Mapping[str, Number] = {
    "days.logs": Number(14, 1, 3653, more=False, why="CloudWatch Logs keeps 1 to 3653 days"),
    "days.logs_promoted": Number(
        365,
        90,
        3653,
        more=False,
        why="PCI DSS 10.5.1 wants three months at hand; CloudWatch Logs ends at 3653",
    ),
    "days.evidence": Number(
        365,
        90,
        36500,
        more=False,
        why="S3's Object Lock takes 100 years; less than a quarter proves no release",
    ),
    "days.key_deletion": Number(14, 7, 30, more=False, why="KMS waits for 7 to 30 days"),
    "days.dead_letters": Number(7, 1, 14, more=False, why="SQS keeps messages for at most 14 days"),
    "days.secret_rotation": Number(
        90, 1, 365, more=True, why="a secret that lives longer than a year outlives who knew it"
    ),
    "limits.requests": Number(
        5000, 1, 10000, more=True, why="10000 a second is API Gateway's quota of a whole account"
    ),
    "limits.concurrency": Number(
        900,
        1,
        100000,
        more=True,
        why="1000 in an account to begin with, 100 of which AWS keeps; more on request",
    ),
    "limits.job_minutes": Number(60, 5, 360, more=True, why="GitHub ends a job after 360"),
    BASELINE: Number(0, 0, 10000, more=True, why="a list that nobody reads is no list"),
}


@dataclass(frozen=True)
class Names:
    """A setting that is a list of texts. `more` tells whether an entry more lets more pass; else an entry less does."""

    default: tuple[str, ...]
    shape: re.Pattern[str]
    what: str
    more: bool


LISTS: Mapping[str, Names] = {
    OPEN_ROUTES: Names((), _ROUTE, "a method and a path, such as GET /login", more=True),
    OPEN: Names((), _PREFIX, "a prefix of paths, such as /static", more=True),
    CLOSED: Names((), _PREFIX, "a prefix of paths, such as /", more=False),
    RUNTIMES: Names(
        _PYTHONS,
        re.compile("|".join(map(re.escape, _PYTHONS))),
        f"one of {', '.join(_PYTHONS)}",
        more=True,
    ),
    CODE_FOLDERS: Names(
        (), _FOLDER, "a folder at the top, such as scripts, and no module of Python's own", more=True
    ),
    ALIKE: Names(
        ("Architecture", "Runtime", "MemorySize", "Timeout"), _PARAMETER, "a parameter's name", more=False
    ),
    AT_LEAST: Names(("LogRetentionDays",), _PARAMETER, "a parameter's name", more=False),
    AT_MOST: Names(("RotationDays",), _PARAMETER, "a parameter's name", more=False),
}
# Settings whose entries are judged where they are read: pipeline/iam/grants.py.
_ELSEWHERE = (TYPES, DEPLOYMENT_ACTIONS, ROLE_ACTIONS)


@dataclass(frozen=True)
class Values:
    """A setting that is a table: of parameters, each with patterns of its values. `more` as in Names, of a pattern;
    a parameter less lets more pass in any case."""

    default: Mapping[str, tuple[str, ...]]
    more: bool


TABLES: Mapping[str, Values] = {
    ONLY: Values({"GradualDeployment": ("true",)}, more=True),
    NEVER: Values(
        {
            "AlarmTopicArn": ("",),
            "CorsOrigins": ("*[*]*", "*localhost*", "http://*"),
            "DatabaseTls": ("disable", "prefer", "allow", "require"),
            "LogLevel": ("TRACE", "DEBUG"),
        },
        more=False,
    ),
}
_PATTERNS = "of a parameter's name a list of its values; * stands for any text"
_GRANTED = "known to CloudFormation's registry and to AWS's service authorization reference; nothing an administrator's"
_ALL = (*LISTS, *_ELSEWHERE, *NUMBERS, *TABLES)
_CATCH_ALL = OPEN.partition(".")[0]
_GROUPS = {name.partition(".")[0] for name in _ALL if "." in name}


@dataclass(frozen=True)
class Loosened:
    """A setting that lets more pass than before: its name in the file, and what it says on both sides."""

    setting: str
    before: str
    after: str


@dataclass(frozen=True)
class Setting:
    """A setting for whoever reads: what holds, what would without the file, and what it may be."""

    name: str
    holds: str
    without: str
    bounds: str


@dataclass(frozen=True)
class Settings:
    """The file as it was parsed; None where there is none: then what the engine has for each setting holds."""

    document: Document | None

    def number(self, setting: str) -> int:
        """A setting of NUMBERS, in the unit of its name; what is out of bounds holds as little as what is missing."""
        bounds, given = NUMBERS[setting], self._given(setting)
        return given if _whole(given) and bounds.least <= given <= bounds.most else bounds.default

    def names(self, setting: str) -> tuple[str, ...]:
        """A setting of LISTS, as far as it can be taken."""
        given, one = self._given(setting), LISTS[setting]
        if given is None:
            return one.default
        listed = given if isinstance(given, list) else []
        return tuple(text for text in listed if isinstance(text, str) and one.shape.fullmatch(text))

    def values(self, setting: str) -> Mapping[str, tuple[str, ...]]:
        """A setting of TABLES, as far as it can be taken: of a parameter's name the patterns of its values."""
        given = self._given(setting)
        if given is None:
            return TABLES[setting].default
        table = given if isinstance(given, dict) else {}
        return {
            name: tuple(one for one in patterns if isinstance(one, str))
            for name, patterns in table.items()
            if isinstance(patterns, list) and patterns
        }

    @cached_property
    def open_routes(self) -> Mapping[str, Place]:
        """The routes that may be open, as `GET /path`, each with its place."""
        given = self._given(OPEN_ROUTES)
        listed = given if isinstance(given, list) else []
        allowed = self.names(OPEN_ROUTES)
        return {one: (OPEN_ROUTES, index) for index, one in enumerate(listed) if one in allowed}

    def lets_open(self, method: str, path: str) -> bool:
        """Whether a route of the template may be open: by its name, HEAD as GET, or by its prefix."""
        names = {f"{method} {path}", f"{'GET' if method == 'HEAD' else method} {path}"}
        return not names.isdisjoint(self.open_routes) or self.opens(path)

    @cached_property
    def prefixes(self) -> Mapping[str, bool]:
        """The prefixes of the catch-all, each with whether it is open; none where there is no catch-all.

        Nor where it can't be taken as it is written: what isn't clear opens nothing.
        """
        if [*self._odd_prefixes(), *self._odd_names()]:
            return {}
        return {one: setting == OPEN for setting in (OPEN, CLOSED) for one in self.names(setting)}

    def opens(self, path: str) -> bool:
        """Whether the catch-all has the path open: its longest prefix decides."""
        found = [one for one in self.prefixes if _within(path, one)]
        return bool(found) and self.prefixes[max(found, key=len)]

    @property
    def promoted(self) -> Iterator[tuple[str, Place]]:
        """Each parameter that the file itself names for promoted environments, with its place."""
        for setting in (ALIKE, AT_LEAST, AT_MOST):
            given = self._given(setting)
            for index, name in enumerate(given if isinstance(given, list) else []):
                if isinstance(name, str):
                    yield name, (*_place(setting), index)
        for setting in TABLES:
            given = self._given(setting)
            yield from (
                (name, (*_place(setting), name)) for name in (given if isinstance(given, dict) else {})
            )

    @cached_property
    def faults(self) -> list[tuple[str, Place]]:
        """What the file says and nobody takes, each with its place and the bound."""
        return [
            *self._unknown(),
            *self._out_of_bounds(),
            *self._odd_names(),
            *self._odd_values(),
            *self._odd_prefixes(),
        ]

    def rows(self) -> Iterator[Setting]:
        """Every setting, in the order of this reader."""
        for setting, bounds in NUMBERS.items():
            limits = f"{bounds.least} to {bounds.most}: {bounds.why}"
            yield Setting(setting, str(self.number(setting)), str(bounds.default), limits)
        for setting, one in LISTS.items():
            yield Setting(setting, _shown(self.names(setting)), _shown(one.default), f"each {one.what}")
        for setting in _ELSEWHERE:
            yield Setting(setting, _shown(_texts(self._given(setting))), _shown(()), _GRANTED)
        for setting, table in TABLES.items():
            yield Setting(setting, _pairs(self.values(setting)), _pairs(table.default), _PATTERNS)

    def _unknown(self) -> Iterator[tuple[str, Place]]:
        for name, value in self._data.items():
            if name in _GROUPS:
                if isinstance(value, dict):
                    yield from (
                        (f"{FILE} knows no {name}.{key}", (name, key))
                        for key in value
                        if f"{name}.{key}" not in _ALL
                    )
                else:
                    yield f"{name} is not a table: [{name}]", (name,)
            elif name not in _ALL:
                yield f"{FILE} knows no {name}", (name,)

    def _out_of_bounds(self) -> Iterator[tuple[str, Place]]:
        for setting, bounds in NUMBERS.items():
            given = self._given(setting)
            if given is None:
                continue
            if not _whole(given):
                yield f"{setting} is {given!r}, not a whole number", _place(setting)
            elif not bounds.least <= given <= bounds.most:
                message = f"{setting} is {given}, and may be {bounds.least} to {bounds.most}: {bounds.why}"
                yield message, _place(setting)

    def _odd_names(self) -> Iterator[tuple[str, Place]]:
        for setting, one in LISTS.items():
            given, place = self._given(setting), _place(setting)
            if given is None:
                continue
            if not isinstance(given, list):
                yield f"{setting} is not a list; an entry is {one.what}", place
                continue
            for index, text in enumerate(given):
                if not isinstance(text, str) or not one.shape.fullmatch(text):
                    yield f"{setting}: {text!r} is not {one.what}", (*place, index)
                elif text in given[:index]:
                    yield f"{setting}: {text} stands there twice", (*place, index)

    def _odd_prefixes(self) -> Iterator[tuple[str, Place]]:
        """A catch-all that leaves something unsaid, or closes what can't be kept closed."""
        opened, closed = self.names(OPEN), self.names(CLOSED)
        if self._given(_CATCH_ALL) is not None and "/" not in (*opened, *closed):
            yield f"{_CATCH_ALL} doesn't say whether / is open or closed", (_CATCH_ALL,)
        given = self._given(CLOSED)
        for index, one in enumerate(given if isinstance(given, list) else []):
            around = next((other for other in opened if _within(str(one), other)), None)
            if around == one:
                yield f"{one} is open and closed", (*_place(CLOSED), index)
            elif around and one in closed:
                # API Gateway takes /static%2F..., or another spelling of what is closed, for what is open.
                why = f"{one} is closed within {around}, which is open: an escape such as %2F leads around it"
                yield f"{why}. Close /, and open what is public", (*_place(CLOSED), index)

    def _odd_values(self) -> Iterator[tuple[str, Place]]:
        for setting in TABLES:
            given, place = self._given(setting), _place(setting)
            if given is not None and not isinstance(given, dict):
                yield f"{setting} is not a table: [{setting}]", place
            for name, patterns in (given if isinstance(given, dict) else {}).items():
                if not _PARAMETER.fullmatch(name):
                    yield f"{setting}: {name!r} is not a parameter's name", (*place, name)
                texts = isinstance(patterns, list) and all(isinstance(one, str) for one in patterns)
                if not texts or not patterns:
                    message = (
                        f'{setting}.{name} is not a list of values such as ["true"]; * stands for any text'
                    )
                    yield message, (*place, name)

    def _given(self, setting: str) -> Any:
        """What the file says of a setting; None where it says nothing."""
        value: Any = self._data
        for step in setting.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value

    @property
    def _data(self) -> Mapping[str, Any]:
        return self.document.data if self.document is not None else {}


def loosened(before: Settings, after: Settings) -> tuple[Loosened, ...]:
    """Every setting that lets more pass in `after` than in `before`, in the order of the reader."""
    return tuple(_loosened(before, after))


def _loosened(before: Settings, after: Settings) -> Iterator[Loosened]:
    for setting, bounds in NUMBERS.items():
        old, new = before.number(setting), after.number(setting)
        if (new > old) if bounds.more else (new < old):
            yield Loosened(setting, str(old), str(new))
    for setting, one in LISTS.items():
        yield from _entries(setting, before.names(setting), after.names(setting), more=one.more)
    for setting in _ELSEWHERE:
        yield from _entries(setting, _texts(before._given(setting)), _texts(after._given(setting)), more=True)
    for setting, table in TABLES.items():
        old_values, new_values = before.values(setting), after.values(setting)
        for name, patterns in old_values.items():
            if name not in new_values:
                yield Loosened(f"{setting}.{name}", _shown(patterns), "not held")
            else:
                yield from _entries(f"{setting}.{name}", patterns, new_values[name], more=table.more)


def _entries(setting: str, old: tuple[str, ...], new: tuple[str, ...], *, more: bool) -> Iterator[Loosened]:
    if set(new) - set(old) if more else set(old) - set(new):
        yield Loosened(setting, _shown(old), _shown(new))


def _shown(entries: tuple[str, ...]) -> str:
    return ", ".join(one or '""' for one in entries) or "nothing"


def _pairs(values: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{name}: {_shown(patterns)}" for name, patterns in values.items()) or "nothing"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for _, one in nodes(value) if isinstance(one, str))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _place(setting: str) -> Place:
    return tuple(setting.split("."))
