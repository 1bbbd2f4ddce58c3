"""Checks of single values: each says in JSON Schema what it takes, and returns the value or raises ValueError."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

VERSION = r"v(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Check:
    """How a value is read from JSON, and the JSON Schema that tells clients of it."""

    parse: Callable[[Any], Any]
    schema: dict[str, Any]


def keepable(value: str) -> bool:
    """Tell whether PostgreSQL can keep the text: no NUL, no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def text(maximum: int) -> Check:
    """Take a text of 1 to `maximum` characters."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= maximum:
            raise ValueError(f"give a text of 1 to {maximum} characters")
        if not keepable(value):
            raise ValueError("the text has a character that can't be kept (NUL or half of a surrogate pair)")
        return value

    return Check(parse, {"type": "string", "minLength": 1, "maxLength": maximum, "pattern": r"^[^\u0000]*$"})


def matching(pattern: str, meaning: str) -> Check:
    """Take a text that the whole pattern matches."""
    compiled = re.compile(pattern, re.ASCII)

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"give {meaning}")
        return value

    # \d is more than ten digits in some dialects of JSON Schema's patterns.
    return Check(parse, {"type": "string", "pattern": f"^{pattern.replace(r'\d', '[0-9]')}$"})


def one_of(*values: str) -> Check:
    """Take one of the values."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f"give one of: {', '.join(values)}")
        return value

    return Check(parse, {"type": "string", "enum": list(values)})


def whole_number(maximum: int) -> Check:
    """Take a number from 0 to `maximum` without fraction."""

    def parse(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
            raise ValueError(f"give a whole number from 0 to {maximum}")
        return value

    return Check(parse, {"type": "integer", "minimum": 0, "maximum": maximum})


def texts(count: int, maximum: int) -> Check:
    """Take a list of at most `count` texts."""
    item = text(maximum)

    def parse(value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) > count:
            raise ValueError(f"give a list of at most {count} texts")
        return [item.parse(element) for element in value]

    return Check(parse, {"type": "array", "items": item.schema, "maxItems": count})


def optional(check: Check) -> Check:
    """Take null, else what `check` takes."""

    def parse(value: Any) -> Any:
        return None if value is None else check.parse(value)

    return Check(parse, {"anyOf": [check.schema, {"type": "null"}]})


def _identifier(value: Any) -> uuid.UUID:
    try:
        parsed = uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != value.lower():
        raise ValueError("give a UUID such as 018f2a6e-7c1b-7d4e-9a52-0b8d5a7c9e10")
    return parsed


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("give a date and time with offset, such as 2026-03-01T12:00:00Z (RFC 3339)")


def _day(value: Any) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("give a date such as 2026-03-01")


def _document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("give a JSON object")  # noqa: TRY004 - as every check says that a value is wrong
    waiting: list[Any] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str) and not keepable(node):
            raise ValueError(
                "a text in it has a character that can't be kept (NUL or half of a surrogate pair)"
            )
        if isinstance(node, dict):
            waiting += [*node.keys(), *node.values()]
        elif isinstance(node, list):
            waiting += node
    return value


IDENTIFIER = Check(_identifier, {"type": "string", "format": "uuid"})
TIMESTAMP = Check(_timestamp, {"type": "string", "format": "date-time"})
DAY = Check(_day, {"type": "string", "format": "date"})
WEB_ADDRESS = matching(
    r"https?://[A-Za-z0-9.-]{1,253}(:\d{1,5})?([/?#][!-~]{0,1700})?", "an absolute http or https URL in ASCII"
)
DOCUMENT = Check(_document, {"type": "object"})
ENVIRONMENT = matching(r"[a-z][a-z0-9]{1,11}", "an environment's name, 2 to 12 lower-case letters and digits")
COMMIT = matching(r"[0-9a-f]{40}", "a commit, 40 hexadecimal digits in lower case")
DIGEST = matching(r"[0-9a-f]{64}", "a SHA-256, 64 hexadecimal digits in lower case")
SEMANTIC_VERSION = matching(VERSION, "an exact version such as v1.2.3")


def check_all(
    values: Any, checks: dict[str, Check], *, complete: bool = True
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Check a mapping; return the values, and the errors in the order of `checks`, unknown fields last.

    With `complete` every field must be there.
    """
    good: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    for name, check in checks.items():
        if name not in values:
            if complete:
                errors.append({"field": name, "message": "is missing"})
            continue
        try:
            good[name] = check.parse(values[name])
        except ValueError as error:
            errors.append({"field": name, "message": str(error)})
    errors += [{"field": name, "message": "is not known here"} for name in sorted(set(values) - set(checks))]
    return good, errors
