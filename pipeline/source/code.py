"""Which code the functions of a template run: by CodeUri, a function's own or the one that Globals gives to all."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

import yaml

from pipeline.base.errors import ConfigurationError
from pipeline.source.application import BUILT
from pipeline.source.located import Place

CODE = "CodeUri"
_FUNCTION = "AWS::Serverless::Function"
_SHARED = ("Globals", "Function")
_ANCHOR = re.compile(r"&\S+\s+")


@dataclass(frozen=True)
class Use:
    """The code of a function: `uri` as it is written at `place`, or None where the function says none."""

    function: str
    uri: Any
    place: Place

    @property
    def name(self) -> str | None:
        """The NAME of [application.code.NAME] for build/NAME/; None where the code isn't the bundle's."""
        folder, _, name = normpath(self.uri).rpartition("/") if isinstance(self.uri, str) else ("", "", "")
        return name if folder == BUILT else None


def uses(data: Any) -> Iterator[Use]:
    """The code of each function that is packed from folders: neither an image nor a text in the template."""
    shared = _mapping(data, *_SHARED)
    for name, resource in _mapping(data, "Resources").items():
        if not isinstance(resource, dict) or resource.get("Type") != _FUNCTION:
            continue
        own = _mapping(resource, "Properties")
        place: Place = ("Resources", name, "Properties", CODE)
        if CODE in own:
            yield Use(name, own[CODE], place)
        elif {**shared, **own}.get("PackageType") != "Image" and not {"InlineCode", "ImageUri"} & own.keys():
            yield Use(name, shared.get(CODE), (*_SHARED, CODE) if CODE in shared else place)


def holders(data: Any) -> Iterator[dict[str, Any]]:
    """The properties that may hold a CodeUri: of each function, and of Globals."""
    yield _mapping(data, *_SHARED)
    for resource in _mapping(data, "Resources").values():
        if isinstance(resource, dict) and resource.get("Type") == _FUNCTION:
            yield _mapping(resource, "Properties")


def rewritten(text: str, file: str, replace: Callable[[str, str], str | None]) -> str:
    """A template with what `replace` makes of each CodeUri (its value, the quote around it); nothing else changes."""
    last, parts = 0, []
    for node in _uris(yaml.compose(text, Loader=yaml.SafeLoader)):
        new = replace(node.value, node.style or "")
        if new is None:
            continue
        start, end = node.start_mark.index, node.end_mark.index
        if node.style in ("|", ">") or "\n" in text[start:end]:
            where = f"{file}:{node.start_mark.line + 1}"
            raise ConfigurationError(
                f"{where}: CodeUri takes several lines.", f"Write CodeUri: {node.value.strip()}"
            )
        anchor = _ANCHOR.match(text, start)
        parts += [text[last : anchor.end() if anchor else start], new]
        last = end
    return "".join([*parts, text[last:]])


def _uris(root: yaml.Node | None) -> list[yaml.ScalarNode]:
    """The values of the keys CodeUri that are texts, in their order; also those behind an anchor."""
    pending, found, seen = [root] if root is not None else [], {}, set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value == CODE and isinstance(value, yaml.ScalarNode):
                found[value.start_mark.index] = value
            pending.append(value)
    return [found[index] for index in sorted(found)]


def _mapping(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
