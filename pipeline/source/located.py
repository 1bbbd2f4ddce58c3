"""Documents (YAML, JSON, TOML) as plain data, with the line of every key and item."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

type Step = str | int
type Place = tuple[Step, ...]

_SCALARS = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_AUTOMATION = re.compile(r"\.github/workflows/.*|(.*/)?action\.ya?ml")
_MOST_NODES = 200_000  # far above any template; a nest of aliases that multiplies ends here


def nodes(
    value: Any, place: Place = (), *, whole: Callable[[Any], bool] = lambda node: False
) -> Iterator[tuple[Place, Any]]:
    """Each value in nested mappings and lists, itself first, with its place; nothing inside of what is `whole`."""
    yield place, value
    if whole(value):
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield from nodes(item, (*place, step), whole=whole)


def key_of(place: Place) -> str:
    """The nearest key at or above a place; '' for none."""
    return next((step for step in reversed(place) if isinstance(step, str)), "")


def texts_in(value: Any) -> Iterator[tuple[Place, str, str]]:
    """Each text in nested mappings and lists: its place, the nearest key above it ('' for none), the text."""
    return ((place, key_of(place), text) for place, text in nodes(value) if isinstance(text, str))


# What items of lists are told apart by: policies' statements, settings, steps of a job.
_NAMING = ("Sid", "Id", "Name", "Key", "PolicyName", "id", "name", "uses", "run")


def _name(item: Any) -> str:
    """What an item of a list calls itself; '' for nothing."""
    key = next((one for one in _NAMING if one in item), "") if isinstance(item, dict) else ""
    found = item[key] if key else ""
    if not isinstance(found, str):
        return ""
    return found.partition("@")[0] if key == "uses" else found.partition("\n")[0]


def path(value: Any, place: Place) -> str:
    """A place in nested mappings and lists as a fact names it: an item of a list by its own name, not its number."""
    names = []
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            value = None
        names.append(step if isinstance(step, str) else _name(value))
    return ".".join(filter(None, names))


class DocumentError(Exception):
    """A document that can't be read: what is wrong, and at which line (1-based)."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, eq=False)
class Document:
    """One parsed file. ``lines`` maps the path of a key or item to its 1-based line."""

    file: str
    text: str
    data: Any
    lines: dict[Place, int] = field(repr=False)

    def line(self, *place: Step) -> int:
        """The line of the longest known beginning of `place`; 1 when nothing of it is known."""
        for end in range(len(place), 0, -1):
            found = self.lines.get(place[:end])
            if found is not None:
                return found
        return 1

    def path(self, *place: Step) -> str:
        """The place as a fact names it, with dots: an item of a list by its own name, never by its number."""
        return path(self.data, place)

    def has(self, *place: Step) -> bool:
        return place in self.lines

    def line_of_text(self, needle: str, *place: Step) -> int:
        """The first line, from `place` on, that holds `needle`; the line of `place` when none does."""
        start = self.line(*place)
        for number, text in enumerate(self.rows[start - 1 :], start):
            if needle in text:
                return number
        return start

    @cached_property
    def compact(self) -> str:
        """What it says as JSON, without comments and blanks: a template, to CloudFormation, is the same one."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def rows(self) -> list[str]:
        return self.text.splitlines()


def read(path: Path, file: str) -> Document:
    """Parse `path` by its suffix; `file` is the name that findings carry.

    Raises DocumentError when the file can't be read or parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"can't be read: {error}") from error
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """Parse `text` as TOML (a name that ends in .toml), else as YAML, of which JSON is a part.

    Plain scalars become what the file's reader makes of them: in a workflow or action that is GitHub, which takes
    YAML 1.2 (`on` and `yes` are text, 010 is ten), elsewhere YAML 1.1.
    """
    if file.endswith(".toml"):
        return _parse_toml(text, file)
    return _parse_yaml(text, file)


def _parse_yaml(text: str, file: str) -> Document:
    # JSON may be indented by tabs, YAML may not. One blank for one tab keeps every line number.
    body = text.replace("\t", " ") if text.lstrip().startswith(("{", "[")) else text
    loader = _SCALARS(body)
    try:
        node = loader.get_single_node()
        builder = _Builder(loader, github=_AUTOMATION.fullmatch(file) is not None)
        data = builder.build(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise DocumentError(f"is not valid YAML: {error.problem or error.context}", line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DocumentError(f"is not valid YAML: {error}") from error
    finally:
        loader.dispose()
    return Document(file=file, text=text, data=data, lines=builder.lines if node is not None else {})


class _Builder:
    """Turns a composed YAML tree into plain data; CloudFormation's tags get their long form."""

    def __init__(self, loader: Any, *, github: bool) -> None:
        self.loader = loader
        self.github = github
        self.lines: dict[Place, int] = {}
        self.count = 0

    def build(self, node: yaml.Node, place: Place) -> Any:
        self.count += 1
        if self.count > _MOST_NODES:
            raise DocumentError("holds too many nodes: aliases that multiply?", _line(node))
        if node.tag.startswith("!"):
            return self._tagged(node, place)
        return self._plain(node, place)

    def _plain(self, node: yaml.Node, place: Place) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*place, index)] = _line(item)
                items.append(self.build(item, (*place, index)))
            return items
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value  # CloudFormation has no dates: `Version: 2012-10-17` is text
        plain = self.github and isinstance(node, yaml.ScalarNode) and not node.style
        if plain and node.tag == self.loader.resolve(yaml.ScalarNode, node.value, (True, False)):
            return _core(node.value)
        return self.loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise DocumentError("has a key that is not a plain word", _line(key))
            name = str(key.value)
            if name in result:
                raise DocumentError(f"has the key {name!r} twice", _line(key))
            self.lines[(*place, name)] = _line(key)
            result[name] = self.build(value, (*place, name))
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                raise DocumentError("merges something that is not a mapping", _line(source))
            side = _Builder(self.loader, github=self.github)
            side.count = self.count
            for name, value in side._mapping(source, ()).items():
                if name not in result:
                    result[name] = value
                    self.lines.update(
                        {(*place, *at): line for at, line in side.lines.items() if at[0] == name}
                    )
            self.count = side.count
        return result

    def _tagged(self, node: yaml.Node, place: Place) -> Any:
        short = node.tag[1:]
        name = short if short in ("Ref", "Condition") else f"Fn::{short}"
        inner = (*place, name)
        self.lines[inner] = _line(node)
        if isinstance(node, yaml.ScalarNode):
            value: Any = node.value
            if name == "Fn::GetAtt":
                value = node.value.split(".", 1)
        else:
            value = self._plain(_untagged(node), inner)
        return {name: value}


_NULL = re.compile(r"|~|null|Null|NULL")
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


def _core(text: str) -> bool | int | float | str | None:
    """A plain scalar by YAML 1.2.2's core schema (10.3.2), which GitHub's runner follows (YamlObjectReader.cs).

    GitHub has one kind of number, so that 3.10 is 3.1, and 1.0 is 1.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUTH.fullmatch(text):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        number = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        return int(number) if number.is_integer() else number
    return text


def _untagged(node: yaml.Node) -> yaml.Node:
    if isinstance(node, yaml.MappingNode):
        return yaml.MappingNode("tag:yaml.org,2002:map", node.value, node.start_mark, node.end_mark)
    return yaml.SequenceNode("tag:yaml.org,2002:seq", node.value, node.start_mark, node.end_mark)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


_HEADER = re.compile(r"^\s*\[+\s*([^\[\]]+?)\s*\]+\s*(#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=\s*(.*)$""")
_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[{}]')


def _parse_toml(text: str, file: str) -> Document:
    """TOML's own parser gives the data; a scan beside it finds the lines of tables, keys and items."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(1, len(text.splitlines()))  # it broke off at the end
        raise DocumentError(f"is not valid TOML: {error}", line) from error
    lines: dict[Place, int] = {}
    arrays: dict[Place, int] = {}
    table: Place = ()
    array: Place | None = None
    count = 0
    for number, row in enumerate(text.splitlines(), 1):
        if array is not None:
            count = _items(row, array, count, number, lines)
            array = None if _closes(row) else array
        elif header := _HEADER.match(row):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if row.lstrip().startswith("[["):
                index = arrays.get(table, -1) + 1
                arrays[table] = index
                table = (*table, index)
            for end in range(1, len(table) + 1):
                lines.setdefault(table[:end], number)
        elif key := _KEY.match(row):
            place = (*table, *(part.strip("\"'") for part in _dotted(key[1])))
            for end in range(len(table) + 1, len(place) + 1):
                lines.setdefault(place[:end], number)
            if key[2].startswith("["):
                count = _items(key[2][1:], place, 0, number, lines)
                array = None if _closes(key[2][1:]) else place
    return Document(file=file, text=text, data=data, lines=lines)


def _dotted(key: str) -> list[str]:
    return [key] if key[0] in "\"'" else key.split(".")


def _items(row: str, array: Place, count: int, number: int, lines: dict[Place, int]) -> int:
    depth = 0
    for found in _ITEM.finditer(row):
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            if found[0] == "{" and depth == 1:
                lines[(*array, count)] = number
                count += 1
        elif depth == 0:
            lines[(*array, count)] = number
            count += 1
    return count


def _closes(row: str) -> bool:
    return "]" in _ITEM.sub("", row).split("#", 1)[0]
