"""What AWS asks a month, by a dated table; what isn't in it for a region is unknown, never guessed."""

import datetime as dt
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.source.functions import routes
from pipeline.source.stacks import Stack, dig

# What API Gateway measures of each method once it is told to, without a cache: API Gateway developer guide, "Amazon API
# Gateway dimensions and metrics".
OF_A_METHOD = ("4XXError", "5XXError", "Count", "IntegrationLatency", "Latency")
# What costs as long as it is there, by its price's name.
_STANDING = {
    "key": "AWS::KMS::Key",
    "secret": "AWS::SecretsManager::Secret",
    "alarm": "AWS::CloudWatch::Alarm",
}


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


def standing(stack: Stack) -> dict[str, int]:
    """How many of a stack's things cost by the month, by the price's name; metrics are those that API Gateway makes of
    methods, once each was called."""
    counts = {name: sum(1 for _ in stack.of_type(kind)) for name, kind in _STANDING.items()}
    return {**counts, "metric": _of_methods(stack)}


def _of_methods(stack: Stack) -> int:
    """The metrics of methods: where a stage measures each of them."""
    measured = any(
        str(dig(one, "MetricsEnabled", default="")).lower() == "true"
        for stage in stack.of_type("AWS::ApiGateway::Stage")
        for one in stage.get("MethodSettings", default=[])
    )
    return len(routes(stack)) * len(OF_A_METHOD) if measured else 0
