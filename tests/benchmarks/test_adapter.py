"""The comparison of adapters: it judges all of them by the same cases, and ours gets all right."""

import pytest

from benchmarks import adapter
from tests.events.cases import CASES

pytestmark = pytest.mark.outside


def test_every_adapter_is_judged_on_every_case() -> None:
    """Nobody is spared a case, ours has none wrong, and the cases tell the adapters apart."""
    rows = adapter.correctness()
    judged = {name: sum(row[name][1] for row in rows.values()) for name in adapter.ADAPTERS}
    right = {name: sum(row[name][0] for row in rows.values()) for name in adapter.ADAPTERS}

    assert dict.fromkeys(adapter.ADAPTERS, len(CASES)) == judged
    assert len(CASES) == right.pop("app.wsgi")
    assert all(0 < count < len(CASES) for count in right.values())


def test_requests_timed_are_answered_by_all() -> None:
    """A time is compared only where every adapter in the comparison gives the same answer."""
    for app, event, names in adapter.REQUESTS_TIMED.values():
        answers = {name: adapter.ADAPTERS[name](app, event, None) for name in names}

        assert {200} == {int(answer["statusCode"]) for answer in answers.values()}
        assert 1 == len({answer["body"] for answer in answers.values()})
