"""Pages of a list: a limit, and a cursor that stays right while records are added."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from app.fields import Check

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


@dataclass(frozen=True)
class Page:
    """At most `limit` records that were recorded before the one with sequence number `before`."""

    limit: int = DEFAULT_LIMIT
    before: int | None = None


def cursor(sequence: int) -> str:
    """Return the cursor of the page after the record with this sequence number."""
    return base64.urlsafe_b64encode(sequence.to_bytes(8)).decode().rstrip("=")


def _limit(text: Any) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_LIMIT):
        raise ValueError(f"give a number from 1 to {MAX_LIMIT}")
    return int(text)


def _cursor(text: Any) -> int:
    try:
        decoded = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        decoded = b""
    sequence = int.from_bytes(decoded)
    if len(decoded) != 8 or sequence >= 2**63 or cursor(sequence) != text:
        raise ValueError("give the value of 'next' of the page before")
    return sequence


LIMIT = Check(_limit, {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT})
CURSOR = Check(_cursor, {"type": "string", "pattern": "^[A-Za-z0-9_-]{11}$"})
