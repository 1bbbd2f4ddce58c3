"""What AWS asks a month, by a dated table; what isn't in it for a region is unknown, never guessed."""

import datetime as dt
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Price:
    """In US dollars, for one `unit`, read in `source` for `regions`."""

    usd: float
    unit: str
    regions: tuple[str, ...]
    source: str

    def of(self, number: float, region: str) -> float | None:
        """What a number of units costs in a region; None where that is unknown."""
        return number * self.usd if {"*", region} & set(self.regions) else None


@dataclass(frozen=True)
class Table:
    """The prices by name, as AWS's pages had them on `date`."""

    date: dt.date
    prices: dict[str, Price]


@cache
def table() -> Table:
    """The table that comes with this checkout."""
    given = tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
    date: dt.date = given.pop("date")
    return Table(
        date,
        {
            name: Price(float(one["usd"]), one["unit"], tuple(one["regions"]), one["source"])
            for name, one in given.items()
        },
    )
