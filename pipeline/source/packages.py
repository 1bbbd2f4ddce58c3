"""Packages as pyproject.toml asks for them and uv.lock has them."""

import re
import tomllib
from functools import lru_cache
from typing import Any

LOCK = "uv.lock"


def distribution(requirement: str) -> str:
    """The normal name of the distribution that a requirement such as `Psycopg[binary]>=3.3` asks for."""
    return re.split(r"[\s\[<>=!~;]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")


@lru_cache(8)
def locked(text: str) -> list[dict[str, Any]]:
    """The packages of a lock, read once: it is a large file. Raises tomllib.TOMLDecodeError."""
    found: list[dict[str, Any]] = tomllib.loads(text).get("package", [])
    return found
