"""What an environment costs a month by what it has and did in the last thirty days, at least; and what nobody knows."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline.doctor.model import NOTE, OK, Remark
from pipeline.source import prices
from pipeline.source.functions import functions
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Stack
from pipeline.source.values import known

_MONTH = dt.timedelta(days=30)
_DAY = 86400  # seconds
_UNKNOWN = (
    "database, its proxy, endpoints or NAT of a VPC, logs, traces, traffic, calls of KMS and Secrets Manager"
)


def look(
    group: str, cloudwatch: Any, environment: Environment, stack: Stack, bootstrap: Stack
) -> Iterator[Remark]:
    """A remark an item with its price, then the sum, and whether the metrics cost more than the functions."""
    table, region = prices.table(), environment.region
    own = prices.standing(stack)
    both = Counter(own) + Counter(prices.standing(bootstrap))
    calls, seconds = _work(cloudwatch, stack)
    custom = _custom(cloudwatch)
    items: list[tuple[str, str, float, str]] = [
        ("keys", "key", both["key"], "keys of KMS"),
        ("secrets", "secret", both["secret"], "secrets"),
        ("alarms", "alarm", both["alarm"], "alarms"),
        ("metrics of the application", "metric", custom, "custom metrics that the account had lately"),
        ("metrics of each method", "metric", own["metric"], "metrics once every method was called"),
        ("calls of functions", "request", calls, "calls in thirty days"),
        ("time of functions", "gb_second", seconds, "GB-seconds in thirty days"),
        (
            "calls of the API",
            "api_request",
            _requests(cloudwatch, stack, environment),
            "calls in thirty days",
        ),
    ]
    total, missing, sums = 0.0, [], {"metric": 0.0, "function": 0.0}
    for what, name, number, said in items:
        price = table.prices[name]
        usd = price.of(number, region)
        amount = "unknown" if usd is None else f"${usd:,.2f}"
        told = (
            f"{amount}: {number:,.0f} {said}, at ${price.usd:.10f}".rstrip("0").rstrip(".") + f" {price.unit}"
        )
        if usd is None:
            told += f"; {price.source} was read for {', '.join(price.regions)}"
            missing.append(what)
        else:
            total += usd
        yield Remark(
            group, f"cost of {what}", NOTE if usd is None and number else OK, f"{told} ({price.source})"
        )
        kind = "metric" if name == "metric" else "function" if name in ("request", "gb_second") else ""
        if kind:
            sums[kind] += number * price.usd  # the two are compared in one region, whichever that is
    unknown = ", ".join([*missing, _UNKNOWN])
    told = f"at least ${total:,.2f}, by the prices of {table.date}; unknown: {unknown}"
    yield Remark(group, "cost a month", OK, told)
    if sums["metric"] > sums["function"]:
        against = f"${sums['metric']:,.2f} against ${sums['function']:,.2f}"
        told = f"they cost more than the functions: {against}, as far as the table's prices hold here"
        resolve = (
            "MetricsEnabled: false on the API's stage leaves those of the whole stage, which alarms look at."
        )
        yield Remark(group, "metrics", NOTE, told, resolve)


def latest(cloudwatch: Any, bucket: str, metric: str, storage: str) -> float | None:
    """What S3 last said of a bucket, which it does once a day; None where it hasn't yet."""
    now = dt.datetime.now(dt.UTC)
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/S3",
        MetricName=metric,
        Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": storage}],
        StartTime=now - dt.timedelta(days=3),
        EndTime=now,
        Period=_DAY,
        Statistics=["Average"],
    )["Datapoints"]
    return float(max(found, key=lambda one: one["Timestamp"])["Average"]) if found else None


def _custom(cloudwatch: Any) -> int:
    """The metrics of the account that got a value in the last three hours, but for AWS's own."""
    pages = cloudwatch.get_paginator("list_metrics").paginate(RecentlyActive="PT3H")
    return sum(not one["Namespace"].startswith("AWS/") for page in pages for one in page["Metrics"])


def _work(cloudwatch: Any, stack: Stack) -> tuple[float, float]:
    """The calls of the functions, and their GB-seconds, in the last thirty days."""
    calls = seconds = 0.0
    for one in functions(stack):
        name = one.get("FunctionName")
        if not isinstance(name, str) or not known(name):
            continue
        dimensions = [{"Name": "FunctionName", "Value": name}]
        calls += _sum(cloudwatch, "AWS/Lambda", "Invocations", dimensions)
        memory = float(str(one.get("MemorySize", default=128))) / 1024
        seconds += _sum(cloudwatch, "AWS/Lambda", "Duration", dimensions) / 1000 * memory
    return calls, seconds


def _requests(cloudwatch: Any, stack: Stack, environment: Environment) -> float:
    # SAM writes the name into the title of the API's document.
    titles = [
        one.get("Name") or one.get("Body", "info", "title")
        for one in stack.of_type("AWS::ApiGateway::RestApi")
    ]
    named = {one if isinstance(one, str) and known(one) else environment.stack_name for one in titles}
    return sum(
        _sum(cloudwatch, "AWS/ApiGateway", "Count", [{"Name": "ApiName", "Value": name}])
        for name in sorted(named)
    )


def _sum(cloudwatch: Any, namespace: str, metric: str, dimensions: list[dict[str, str]]) -> float:
    now = dt.datetime.now(dt.UTC)
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=dimensions,
        StartTime=now - _MONTH,
        EndTime=now,
        Period=_DAY,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(one["Sum"] for one in found))
