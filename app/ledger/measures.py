"""The four DORA measures of one environment, from its deployments.

Definitions, after https://dora.dev/guides/dora-metrics-four-keys/:
- deployment frequency: deployments that succeeded, rollbacks aside, a week;
- lead time: from a commit's first appearance in any environment (its merge deploys it) to its success here;
- change failure rate: share of deployments that failed, or that the next deployment rolled back;
- time to restore: from the end of such a deployment to the next success.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """One week, which begins at `begin`; times in hours, None where nothing happened."""

    begin: datetime
    deployments: int
    failure_rate: float | None
    lead_hours: float | None
    restore_hours: float | None


@dataclass(frozen=True)
class Measures:
    """The weeks, oldest first, and the same measures over all of them."""

    weeks: tuple[Week, ...]
    per_week: float
    failure_rate: float | None
    lead_hours: float | None
    restore_hours: float | None


@dataclass(frozen=True)
class _Change:
    """One attempt: when it ended, whether it went well, and the hours that it took to arrive or to mend."""

    at: datetime
    counted: bool  # a deployment, not a rollback
    succeeded: bool
    failed: bool  # it did not succeed, or was rolled back next
    lead: float | None
    restore: float | None


def measure(deployments: Sequence[dict[str, Any]], now: datetime, weeks: int = 13) -> Measures:
    """Return the measures of the `weeks` that end `now`; `deployments` are oldest first (see queries.since)."""
    changes = [_change(deployments, number) for number in range(len(deployments))]
    begin = beginning(now, weeks)
    each = tuple(
        _week(begin + WEEK * number, [c for c in changes if 0 <= (c.at - begin) // WEEK == number])
        for number in range(weeks)
    )
    inside = [change for change in changes if begin <= change.at]
    whole = _week(begin, inside)
    return Measures(
        each, whole.deployments / weeks, whole.failure_rate, whole.lead_hours, whole.restore_hours
    )


def beginning(now: datetime, weeks: int = 13) -> datetime:
    """Return when the first of the weeks begins: a Monday at midnight, UTC."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday()) - WEEK * (weeks - 1)


def _change(deployments: Sequence[dict[str, Any]], number: int) -> _Change:
    row = deployments[number]
    later = deployments[number + 1 :]
    succeeded = row["status"] == "succeeded"
    counted = row["kind"] == "deploy"
    rolled_back = bool(later) and later[0]["kind"] == "rollback"
    failed = counted and (not succeeded or rolled_back)
    restored = next((other["finished_at"] for other in later if other["status"] == "succeeded"), None)
    return _Change(
        at=row["finished_at"],
        counted=counted,
        succeeded=succeeded,
        failed=failed,
        lead=_hours(row["first_started"], row["finished_at"]) if succeeded and counted else None,
        restore=_hours(row["finished_at"], restored) if failed and restored else None,
    )


def _week(begin: datetime, changes: Sequence[_Change]) -> Week:
    counted = [change for change in changes if change.counted]
    return Week(
        begin=begin,
        deployments=sum(change.succeeded for change in counted),
        failure_rate=sum(change.failed for change in counted) / len(counted) if counted else None,
        lead_hours=_median([change.lead for change in counted]),
        restore_hours=_median([change.restore for change in counted]),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _hours(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds() / 3600
