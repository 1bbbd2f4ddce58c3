"""Packages as pyproject.toml asks for them and uv.lock has them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

LOCK = "uv.lock"


def distribution(requirement: str) -> str:
    """The normal name of the distribution that a requirement such as `Psycopg[binary]>=3.3` asks for."""
    return re.split(r"[\s\[<>=!~;]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")


def required(groups: Mapping[str, Any], name: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """The requirements of a group of pyproject.toml, with those of the groups that it includes (PEP 735)."""
    for one in groups.get(name) or [] if name not in above else ():
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from required(groups, str(one.get("include-group")), (*above, name))


@lru_cache(8)
def locked(text: str) -> list[dict[str, Any]]:
    """The packages of a lock, read once: it is a large file. Raises tomllib.TOMLDecodeError."""
    found: list[dict[str, Any]] = tomllib.loads(text).get("package", [])
    return found
