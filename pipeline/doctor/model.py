"""What a look finds: one remark a thing, with how near it is to its limit and how to resolve it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1
# Well; worth knowing; to be resolved; couldn't be looked at.
OK, NOTE, WRONG, UNKNOWN = "ok", "note", "wrong", "unknown"
NEAR = 0.8  # of a limit: from here on it is worth knowing


@dataclass(frozen=True)
class Remark:
    """One thing that was looked at. `group` is the part of the look, `told` what is so, `resolve` what to do about it.

    Of a limit `used` and `most` are the figures, in `unit`.
    """

    group: str
    what: str
    state: str
    told: str
    resolve: str = ""
    used: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def share(self) -> int | None:
        """How much of a limit is used, in per cent, rounded down."""
        return None if self.used is None or not self.most else int(100 * self.used / self.most)


def limit(group: str, what: str, used: float, most: float, unit: str, resolve: str) -> Remark:
    """A remark on a limit: wrong beyond it, a note when it is near."""
    state = WRONG if used > most else NOTE if used >= NEAR * most else OK
    told = f"{used:,.0f} of {most:,.0f} {unit}"
    return Remark(group, what, state, told, "" if state == OK else resolve, used, most, unit)


def status(remarks: Iterable[Remark]) -> int:
    """The exit status: 2 where something couldn't be looked at, 1 where something is to be resolved, else 0."""
    states = {one.state for one in remarks}
    return 2 if UNKNOWN in states else 1 if WRONG in states else 0


def as_json(remarks: Iterable[Remark]) -> dict[str, Any]:
    """The look for machines."""
    return {"schema": SCHEMA, "remarks": [asdict(one) | {"percent": one.share} for one in remarks]}
