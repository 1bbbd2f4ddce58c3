"""Structured logs: one JSON object a line, with the request's id, and without what must not be there."""

import html
import json
import logging
import re
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
logger = logging.getLogger("esclusa")

NAMESPACE = "Esclusa"
_MASK = "***"
_LONG = 8  # characters: a shorter secret may be part of an ordinary word
_TINY = 3  # characters: a secret that may be an ordinary word itself

_secrets: dict[str, str] = {}
"""A pattern by the secret that it finds."""
_any_secret = re.compile(r"(?!)")


def mask(secret: str) -> None:
    """Keep a secret out of every line from now on, in whatever way it is written there.

    A secret of several lines is kept out by each of its longer lines, too. One of fewer than 8 characters is masked
    where it stands as a word, one of up to 3 only where it stands as a value: no text is without them.
    """
    global _any_secret
    parts = [secret.strip(), *(line.strip() for line in secret.splitlines() if len(line.strip()) >= _LONG)]
    new = {part: _pattern(part) for part in parts if part and part not in _secrets}
    if new:
        _secrets.update(new)
        # The longest first: of what begins with another secret, the end would stay.
        _any_secret = re.compile("|".join(_secrets[part] for part in sorted(_secrets, key=len, reverse=True)))


def masked(text: str) -> str:
    """Return the text without any known secret."""
    return _any_secret.sub(_MASK, text)


_BACKSLASH = r"(?:\\|%(?:25)*5[cC])"


def _pattern(secret: str) -> str:
    """A pattern of a secret as it is, and as JSON, Python, SQL, HTML and URLs write it, also within one another."""
    first, *others = re.findall(r"\\+|\s+|.", secret, re.DOTALL)
    written = _run(first, first=True) + "".join(map(_run, others))
    if len(secret) <= _TINY:
        return rf"""(?:\A{written}\Z|(?:(?<=[=:"'])|(?<=[=:] )){written}(?=[\s"'&;,@)}}\]\\%]|\Z))"""
    if len(secret) < _LONG:  # an escape before it is no part of the word
        before = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))" if secret[0].isalnum() else ""
        after = r"(?!\w)" if secret[-1].isalnum() else ""
        return f"{before}{written}{after}"
    return written


def _run(run: str, *, first: bool = False) -> str:
    """The ways to write a run of backslashes, a run of blanks, or one character.

    What takes backslashes gives none back (`++`), and nothing begins among them: a text of many would take forever.
    """
    if run.isascii() and run.isalnum():
        return run  # which nobody escapes
    if run[0] == "\\":
        begin = r"(?<!\\)(?<!5[cC])" if first else ""
        count = f"{{{len(run)},}}"
        return rf"{begin}(?:{_BACKSLASH}{count}+|(?:{_BACKSLASH}*+(?:{_numbered(run[0])})){count})"
    if run.isspace():  # a line's end may have become a blank, or be followed by a margin
        numbered = "|".join(_numbered(blank) for blank in dict.fromkeys(f"{run} \n\r\t"))
        return rf"(?:[\s+|]|{numbered}|{_BACKSLASH}++[nrtvf]|{_BACKSLASH}*+(?:{numbered}))+"
    once = f"{re.escape(run)}{'{1,2}' if run in '\'"' else ''}|{_numbered(run)}"
    return f"(?:{once})" if first else f"(?:{once}|{_BACKSLASH}++(?:{once}))"


def _numbered(character: str) -> str:
    """The ways to write a character by its number, or by its name in HTML, after whatever backslashes."""
    code = ord(character)
    utf_16, utf_8 = (character.encode(name, "surrogatepass") for name in ("utf-16-be", "utf-8"))
    units = [utf_16[at : at + 2] for at in range(0, len(utf_16), 2)]
    between = f"{_BACKSLASH}++"
    ways = [
        between.join(f"u{_hex(unit)}" for unit in units),
        f"U{_hex(code.to_bytes(4))}",
        between.join(f"x{_hex(bytes([byte]))}" for byte in utf_8),
        "".join(f"%(?:25)*{_hex(bytes([byte]))}" for byte in utf_8),
        f"&(?:amp;)*(?:#{code}|#[xX]0*{_hex(code.to_bytes(4)).lstrip('0') or '0'});",
    ]
    if code < 0x100:
        ways.append(f"x{_hex(bytes([code]))}")
    if (named := html.escape(character)) != character:
        ways.append(f"&(?:amp;)*{named[1:]}")
    return "|".join(ways)


def _hex(data: bytes) -> str:
    """A pattern of the bytes' digits, in either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in data.hex())


def _without_secrets(value: Any) -> Any:
    """What is to become JSON, masked while it is what it is: quotes and line ends aren't escaped yet."""
    if isinstance(value, dict):
        return {masked(str(key)): _without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    if isinstance(value, int | float):  # a status or a count, unless it has as many digits as a secret
        return masked(text) if len(text) >= _LONG and masked(text) != text else value
    return masked(text)


def metrics(dimensions: dict[str, str], **values: tuple[float, str]) -> dict[str, Any]:
    """Return fields that make CloudWatch keep metrics of a line: each value with its unit, such as "Count".

    Each set of dimensions is a metric of its own, which costs: give what has few values.
    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    named = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": named}
    return {
        **dimensions,
        **{name: value for name, (value, _) in values.items()},
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
    }


class JsonFormatter(logging.Formatter):
    """Write a record as JSON; what a caller gives as `extra={"fields": {...}}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields = getattr(record, "fields", {})
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": masked(record.getMessage()),
            "request_id": request_id.get(),
            **{name: value if name == "_aws" else _without_secrets(value) for name, value in fields.items()},
        }
        if record.exc_info:
            line["exception"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class _StandardOutput(logging.StreamHandler[Any]):
    """Writes to whatever sys.stdout is now: Lambda and tests both replace it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def configure(level: str) -> None:
    """Send the application's records to standard output, which Lambda keeps; safe to repeat."""
    logger.setLevel(level)
    logger.propagate = False  # Lambda's own handler on the root logger would print each record again
    if not logger.handlers:
        handler = _StandardOutput()
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
