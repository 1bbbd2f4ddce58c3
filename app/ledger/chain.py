"""The hash chain over all records: recomputed here, apart from the database that made it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from app.database import Connection
from app.fields import Check
from app.ledger.kinds import KINDS

STRETCH = 20_000  # links that one request recomputes
_ZERO = bytes(32)


def _after(text: Any) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("give a sequence number, 0 or more")
    return int(text)


AFTER = Check(_after, {"type": "integer", "minimum": 0, "maximum": 10**18 - 1})


@dataclass(frozen=True)
class Broken:
    """The first link that does not hold, and why."""

    sequence: int
    kind: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What verifying a stretch found.

    `begin` is the hash of the link that it follows, `head` that of its last link: who kept an earlier head
    elsewhere compares it with `begin` there, and knows that no whole chain was put in the old one's place.
    """

    after: int
    begin: str
    last: int
    head: str
    complete: bool
    broken: Broken | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as the API gives it; `next` is where to go on, null at the end."""
        broken = self.broken
        return {
            "valid": broken is None,
            "after": self.after,
            "begin": self.begin,
            "last": self.last,
            "head": self.head,
            "next": None if self.complete or broken else self.last,
            "broken": broken and {"sequence": broken.sequence, "kind": broken.kind, "reason": broken.reason},
        }


def verify(connection: Connection, after: int, stretch: int = STRETCH) -> Verdict:
    """Recompute the links that follow the one with sequence number `after`, at most `stretch` of them."""
    before = connection.execute("SELECT hash FROM ledger.chain WHERE sequence = %s", [after]).fetchone()
    if after and before is None:
        broken = Broken(after, "chain", "the link is missing")
        return Verdict(after, "", after, "", complete=False, broken=broken)
    begin: bytes = before[0] if before else _ZERO
    head = begin
    links = connection.execute(
        "SELECT sequence, kind, digest, previous, hash FROM ledger.chain WHERE sequence > %s"
        " ORDER BY sequence LIMIT %s",
        [after, stretch],
    ).fetchall()
    end = links[-1][0] if links else after
    complete = len(links) < stretch
    rows = _rows(connection, after, None if complete else end)
    expected = after
    for sequence, kind, digest, previous, hashed in links:
        expected += 1
        reason = None
        if sequence != expected:
            return _broken(after, begin, expected, head, "chain", "the link is missing")
        found, text = rows.pop(sequence, ("", ""))
        if previous != head:
            reason = "it does not follow the link before it"
        elif hashed != link_hash(head, sequence, kind, digest):
            reason = "the link itself was changed"
        elif found != kind:
            reason = f"the {kind} it stands for is missing"
        elif hashlib.sha256(text.encode()).digest() != digest:
            reason = f"the {kind} it stands for was changed"
        if reason:
            return _broken(after, begin, sequence, head, kind, reason)
        head = hashed
    for sequence, (kind, _) in sorted(rows.items()):
        return _broken(after, begin, sequence, head, kind, f"the {kind} has no link")
    return Verdict(after, begin.hex(), end, head.hex(), complete)


def link_hash(previous: bytes, sequence: int, kind: str, digest: bytes) -> bytes:
    """Return a link's hash: SHA-256 over previous hash, number (8 bytes), kind and the record's digest."""
    return hashlib.sha256(previous + sequence.to_bytes(8) + kind.encode() + digest).digest()


def _rows(connection: Connection, after: int, end: int | None) -> dict[int, tuple[str, str]]:
    """Return kind and hashed text of every record in the stretch, by sequence number."""
    rows: dict[int, tuple[str, str]] = {}
    for kind in KINDS.values():
        query = sql.SQL(
            "SELECT sequence, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(record))"
            " WHERE value <> 'null'::jsonb)::text"
            " FROM {} AS record WHERE sequence > %s AND (%s::bigint IS NULL OR sequence <= %s)"
        ).format(sql.Identifier("ledger", kind.name))
        for sequence, text in connection.execute(query, [after, end, end]):
            rows[sequence] = (kind.name, text)
    return rows


def _broken(after: int, begin: bytes, sequence: int, head: bytes, kind: str, reason: str) -> Verdict:
    broken = Broken(sequence, kind, reason)
    return Verdict(after, begin.hex(), sequence - 1, head.hex(), complete=False, broken=broken)
