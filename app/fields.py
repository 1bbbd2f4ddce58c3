"""Checks of single values, shared by every kind of record: each returns the value or says what is wrong."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any], Any]

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
VERSION = r"v(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"


def text(maximum: int) -> Check:
    """Accept a text of 1 to `maximum` characters that PostgreSQL can keep."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= maximum:
            raise ValueError(f"give a text of 1 to {maximum} characters")
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("the text has a character that can't be kept (NUL or half of a surrogate pair)")
        return value

    return check


def matching(pattern: str, meaning: str) -> Check:
    """Accept a text that the whole pattern matches."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: Any) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"give {meaning}")
        return value

    return check


def one_of(*values: str) -> Check:
    """Accept one of the values."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f"give one of: {', '.join(values)}")
        return value

    return check


def optional(check: Check) -> Check:
    """Accept null, else what `check` accepts."""
    return lambda value: None if value is None else check(value)


def identifier(value: Any) -> uuid.UUID:
    """Accept a UUID in its usual form (RFC 9562)."""
    try:
        parsed = uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != value.lower():
        raise ValueError("give a UUID such as 018f2a6e-7c1b-7d4e-9a52-0b8d5a7c9e10")
    return parsed


def timestamp(value: Any) -> datetime:
    """Accept a date and time with offset (RFC 3339) and return it in UTC."""
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("give a date and time with offset, such as 2026-03-01T12:00:00Z (RFC 3339)")


def web_address(value: Any) -> str:
    """Accept an absolute http or https URL."""
    checked = str(text(2000)(value))
    try:
        parts = urlsplit(checked)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and checked.isprintable()
    except ValueError:
        valid = False
    if not valid or " " in checked:
        raise ValueError("give an absolute http or https URL")
    return checked


ENVIRONMENT = matching(r"[a-z][a-z0-9]{1,11}", "an environment's name, 2 to 12 lower-case letters and digits")
COMMIT = matching(r"[0-9a-f]{40}", "a commit, 40 hexadecimal digits in lower case")
DIGEST = matching(r"[0-9a-f]{64}", "a SHA-256, 64 hexadecimal digits in lower case")
SEMANTIC_VERSION = matching(VERSION, "an exact version such as v1.2.3")
