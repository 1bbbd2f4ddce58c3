"""Pages of a list: a limit, and a cursor that stays right while records are added."""

import base64
import binascii
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from app.records import invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


@dataclass(frozen=True)
class Page:
    """At most `limit` records that were recorded before the one with sequence number `before`."""

    limit: int
    before: int | None


def parse(arguments: MultiDict[str, str]) -> Page:
    """Read ?limit= and ?cursor=; Problem 422 when they are wrong."""
    errors = []
    limit = arguments.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MAX_LIMIT):
        errors.append({"field": "limit", "message": f"give a number from 1 to {MAX_LIMIT}"})
    before = None
    if "cursor" in arguments:
        try:
            before = _decode(arguments["cursor"])
        except ValueError:
            errors.append({"field": "cursor", "message": "give the value of 'next' of the page before"})
    if errors:
        raise invalid(errors)
    return Page(int(limit), before)


def cursor(sequence: int) -> str:
    """Return the cursor of the page after the record with this sequence number."""
    return base64.urlsafe_b64encode(sequence.to_bytes(8)).decode().rstrip("=")


def _decode(text: str) -> int:
    try:
        decoded = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("not base64") from error
    sequence = int.from_bytes(decoded)
    if len(decoded) != 8 or sequence >= 2**63 or cursor(sequence) != text:
        raise ValueError("not a cursor of ours")
    return sequence
