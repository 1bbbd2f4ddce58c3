"""Harmless changes that are made by a program: the same template written in another way."""

import json
from collections.abc import Callable
from typing import Any

import yaml

from pipeline.source.located import parse

TEMPLATES = ("template.yaml", "bootstrap/template.yaml")


def _as(write: Callable[[Any], str]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        result = dict(files)
        for name in TEMPLATES:
            result[name] = write(parse(files[name].decode(), name).data).encode()
        return result

    return change


def _sorted(value: Any) -> Any:
    """The same mapping with its keys in another order; lists keep theirs."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, reverse=True)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _anchored(data: Any) -> str:
    """Equal parts written once, and referred to by an alias."""
    shared: dict[str, Any] = {}

    def same(value: Any) -> Any:
        if isinstance(value, dict | list):
            inner = (
                {k: same(v) for k, v in value.items()}
                if isinstance(value, dict)
                else [same(v) for v in value]
            )
            return shared.setdefault(json.dumps(inner), inner)
        return value

    return yaml.safe_dump(same(data), sort_keys=False)


FORMS: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "templates as JSON": _as(lambda data: json.dumps(data, indent=2)),
    "templates as JSON with tabs": _as(lambda data: json.dumps(data, indent="\t")),
    "templates as JSON on one line": _as(json.dumps),
    "templates in another order": _as(lambda data: yaml.safe_dump(_sorted(data), sort_keys=False)),
    "templates in flow style": _as(
        lambda data: yaml.safe_dump(data, default_flow_style=True, sort_keys=False)
    ),
    "templates with aliases": _as(_anchored),
    "Windows line breaks": lambda files: (
        files | {name: files[name].replace(b"\n", b"\r\n") for name in TEMPLATES}
    ),
}
