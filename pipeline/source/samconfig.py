"""What samconfig.toml says about its environments, read strictly, by the gate and by the commands alike.

A missing value is an error, never a default; so is a value that `sam deploy` would read as another.
Source of what sam reads: samcli.cli.types (CfnParameterOverridesType, CfnTags), which the tests ask.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.source import application
from pipeline.source.application import Application
from pipeline.source.configuration import APPLICATION, DEFAULT, FILE, VERSION, Fault, document, refusal
from pipeline.source.located import Document, Place

# A host, a port and a path: nothing that would be read as a user, a question or a fragment.
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True)
class Environment:
    """One environment's settings, in the names of the tables [NAME.global|deploy|pipeline.parameters].

    `parameters` are the template's parameters by name, `tags` the stack's tags; `promote_from` is the
    environment whose bundles this one takes over, "" for one that is deployed from a build, and `soak_minutes`
    is how long a bundle must have run there before. `address` is where its API answers, "" where only the pipeline's
    own note says so: the one value that may be left out. `application` is what the file says for all environments, and
    `repository` the folder that it lies in, a clone.
    """

    repository: Path
    application: Application
    name: str
    stack_name: str
    region: str
    bucket: str
    prefix: str
    execution_role: str
    capabilities: tuple[str, ...]
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    account: str
    deploy_role: str
    promote_from: str
    soak_minutes: int = 0
    address: str = ""

    @property
    def drift_role(self) -> str:
        """The ARN of the role of jobs that look at it, and change nothing."""
        return self.application.drift_role(self.name, self.deploy_role)

    @property
    def evidence_bucket(self) -> str:
        """The bucket with Object Lock that its passports lie in."""
        return self.application.evidence_bucket(self.name, self.account)

    @property
    def signing_key(self) -> str:
        """The alias of the key that only its deploy role may sign with."""
        return self.application.signing_key(self.name)


@dataclass(frozen=True)
class Assignment:
    """A NAME=VALUE of parameter_overrides or tags; `index` is its item in the list, 0 in a text."""

    index: int
    name: str
    value: str


def read(folder: Path, name: str) -> Environment:
    """The settings of the environment `name` in `folder`/samconfig.toml. Raises ConfigurationError."""
    settings = document(folder)
    names = environment_names(settings.data)
    if name not in names:
        raise ConfigurationError(
            f"{FILE} has no environment {name!r}.", f"It has: {', '.join(sorted(names)) or 'none'}."
        )
    return _environment(folder, settings, name, application.described(settings))


def read_all(folder: Path) -> dict[str, Environment]:
    """The settings of every environment, by name, in the file's order. Raises ConfigurationError."""
    settings = document(folder)
    for fault in _outside(settings.data):
        raise refusal(settings, fault)
    one = application.described(settings)
    return {name: _environment(folder, settings, name, one) for name in environment_names(settings.data)}


def faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """All for which `read_all` would refuse a parsed samconfig.toml, but for what [application] says."""
    yield from _outside(data)
    one, _ = application.settle(data)
    for name in environment_names(data):
        yield from _Reader(name, data[name]).settle(Path(), one)[1]


def environment_names(data: Mapping[str, Any]) -> list[str]:
    """The tables that are environments, in the file's order."""
    others = (VERSION, DEFAULT, APPLICATION)
    return [name for name, table in data.items() if isinstance(table, dict) and name not in others]


def table(tables: Any, command: str) -> dict[str, Any]:
    """The parameters of [NAME.COMMAND.parameters] among an environment's tables; empty when there are none."""
    for key in (command, "parameters"):
        tables = tables.get(key, {}) if isinstance(tables, dict) else {}
    return tables if isinstance(tables, dict) else {}


def _environment(folder: Path, settings: Document, name: str, one: Application) -> Environment:
    environment, wrong = _Reader(name, settings.data[name]).settle(folder, one)
    if wrong:
        raise refusal(settings, wrong[0])
    return environment


def _outside(data: Mapping[str, Any]) -> Iterator[Fault]:
    """What stands beside the environments."""
    for name, body in data.items():
        if name == DEFAULT:
            message = "gives values to environments that don't say them"
            yield Fault((name,), message, "Say each value in each environment's own tables.")
        elif name not in (VERSION, APPLICATION) and not isinstance(body, dict):
            yield Fault((name,), "is not a table", f"Write [{name}.deploy.parameters].")


class _Reader:
    """One environment's tables, read in order; `wrong` gathers what can't be taken."""

    def __init__(self, name: str, tables: Mapping[str, Any]) -> None:
        self.name = name
        self.tables = tables
        self.wrong: list[Fault] = []

    def settle(self, repository: Path, one: Application) -> tuple[Environment, list[Fault]]:
        """The environment, and all that can't be taken; it is whole where that is nothing."""
        settings = Environment(
            repository=repository,
            application=one,
            name=self.name,
            stack_name=self.text("global", "stack_name"),
            region=self.text("global", "region"),
            bucket=self.text("deploy", "s3_bucket"),
            prefix=self.text("deploy", "s3_prefix"),
            execution_role=self.text("deploy", "role_arn"),
            capabilities=self.words("capabilities"),
            tags=self.pairs("tags"),
            parameters=self.pairs("parameter_overrides"),
            account=self.text("pipeline", "account"),
            deploy_role=self.text("pipeline", "deploy_role"),
            promote_from=self.text("pipeline", "promote_from", empty=True),
            soak_minutes=self.number("pipeline", "soak_minutes"),
            address=self.address("pipeline", "address"),
        )
        return settings, self.wrong

    def place(self, command: str, key: str) -> Place:
        """Where a setting stands; sam looks into the command's own table before the global one."""
        if command != "pipeline":
            command = next((one for one in ("deploy", "global") if key in table(self.tables, one)), command)
        return (self.name, command, "parameters", key)

    def value(self, command: str, key: str) -> tuple[Any, Place]:
        place = self.place(command, key)
        found = table(self.tables, str(place[1])).get(key)
        if found is None:
            self.wrong.append(Fault(place, f"has no {key}", "Every environment states every value."))
        return found, place

    def refuse(self, place: Place, value: Any, kind: str) -> None:
        hint = "Write it in quotes." if isinstance(value, int) and kind == "text" else ""
        self.wrong.append(Fault(place, f"{place[3]} is not a {kind}: {value!r}", hint))

    def text(self, command: str, key: str, *, empty: bool = False) -> str:
        found, place = self.value(command, key)
        if isinstance(found, str) and (found or empty):
            return found
        if found is not None:
            self.refuse(place, found, "text")
        return ""

    def address(self, command: str, key: str) -> str:
        found, place = table(self.tables, command).get(key), self.place(command, key)
        if found is None:
            return ""
        if isinstance(found, str) and _ADDRESS.fullmatch(found):
            return found.rstrip("/")
        self.refuse(place, found, "https address, without a question or a user")
        return ""

    def number(self, command: str, key: str) -> int:
        found, place = self.value(command, key)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if found is not None:
            self.refuse(place, found, "number")
        return 0

    def words(self, key: str) -> tuple[str, ...]:
        found, place = self.value("deploy", key)
        if (items := _items(found)) is not None:
            return tuple(word for item in items for word in item.split())
        if found is not None:
            self.refuse(place, found, "list of texts")
        return ()

    def pairs(self, key: str) -> dict[str, str]:
        found, place = self.value("deploy", key)
        if found is not None and (_items(found) is None or found in ("", [])):
            self.refuse(place, found, "list of texts with something in it")
        result: dict[str, str] = {}
        for one in assignments(found, tags=key == "tags"):
            if isinstance(one, Assignment):
                if one.name in result:
                    message = f"{key} sets {one.name} twice, and the last one silently wins"
                    self.wrong.append(Fault((*place, one.index), message, parameter=one.name))
                result[one.name] = one.value
            else:
                where = (*place, *one.place) if isinstance(found, list) else place
                message = f"{key} {one.message}" if not one.parameter else f"{key}: {one.message}"
                self.wrong.append(Fault(where, message, one.hint, one.parameter, one.changed))
        return result


def _items(value: Any) -> list[str] | None:
    """The texts of a list, or the one text; None for anything else."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


# -- NAME=VALUE, as sam reads them --

_QUOTED = r'"(?:\\.|[^"\\])*"|' + r"'(?:\\.|[^'\\])*'"
_OVERRIDE = re.compile(rf'([A-Za-z0-9]+)=({_QUOTED}|(?:\\.|[^ "\\])+)')
_TAG = re.compile(rf'([\w:./+@-]+)=({_QUOTED}|[^ "\'\\=]+)')
# A form of its own: sam looks for it first, also inside of other values.
_LONG_FORM = re.compile(r"ParameterKey=[A-Za-z0-9\"']+,ParameterValue=")
# Source: CloudFormation API reference, Tag.
_IN_TAG = re.compile(r"[\w +=.:/@-]*")
_HINT = 'Write NAME="VALUE", a quote in the value as \\".'


def assignments(value: Any, *, tags: bool = False) -> Iterator[Assignment | Fault]:
    """The overrides or tags of a setting, each whole; a fault where sam would read another value.

    A list has one in each item, a text has them with blanks between.
    """
    alone = isinstance(value, list)
    for index, item in enumerate(_items(value) or []):
        yield from _assignments(index, item.strip(), tags=tags, alone=alone)


def _assignments(index: int, text: str, *, tags: bool, alone: bool) -> Iterator[Assignment | Fault]:
    pairs: list[tuple[str, str]] = []
    rest = text
    while rest or (alone and not pairs):
        pair = (_TAG if tags else _OVERRIDE).match(rest)
        name = pair[1] if pair else rest.partition("=")[0]
        if pair and rest[pair.end() : pair.end() + 1] in ("", " ") and not (alone and pairs):
            pairs.append((name, pair[2]))
            rest = rest[pair.end() :].lstrip(" ")
        elif pair or pairs or "=" in rest:
            cut = pairs[-1][0] if pairs else name  # what follows a blank was meant for the value before it
            yield Fault(
                (index,), f"{cut} is cut by sam, at a blank, a quote or a backslash", _HINT, cut, changed=True
            )
            return
        else:
            yield Fault((index,), f"holds {rest!r}", _HINT)
            return
    for name, written in pairs:
        said = _unquoted(written)
        why = _why_not_tag(said, len(pairs)) if tags else _why_not(text, written, said)
        if why:
            yield Fault((index,), f"{name} {why}", _HINT, name, changed=True)
        else:
            yield Assignment(index, name, said)


def _why_not(text: str, written: str, said: str) -> str:
    """Why an override doesn't arrive as it is said; empty when it does."""
    if not re.fullmatch(_QUOTED, written) and re.search(r"\s|^['\"]", written):
        return "has a blank or a quote, and no quotes around it"
    if _LONG_FORM.search(text):
        return "holds ParameterKey=, which sam takes for another parameter"
    meant = {'"': written[1:-1].replace('\\"', '"'), "'": written[1:-1]}.get(written[0], written)
    again = _OVERRIDE.fullmatch(f"N={_in_quotes(said)}")
    if meant != said or again is None or _unquoted(again[2]) != said:
        return "has a backslash that sam takes away, or that takes a quote away"
    return "holds a NUL, which no program can be given" if "\0" in said else ""


def _why_not_tag(said: str, together: int) -> str:
    if not _IN_TAG.fullmatch(said):
        return "has a character that CloudFormation takes in no tag"
    if "=" in said and " " in said:
        return "has a blank and an equals sign: sam makes two tags of it"
    if together > 1 and ("=" in said or " " in said):
        return "has a blank or an equals sign beside other tags: sam splits it there"
    return ""


def _unquoted(text: str) -> str:
    """A value as sam takes it: without the quotes around it, and without backslashes before quotes and blanks."""
    if re.fullmatch(_QUOTED, text):
        text = text[1:-1]
    return text.replace("\\ ", " ").replace('\\"', '"').replace("\\'", "'")


def _in_quotes(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'
