"""Standing still is told from being slow, on whatever machine."""

import os
import subprocess
import sys
from itertools import count

import psutil
import pytest

from pipeline.base.standstill import Stillness, activity, watched


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test moves."""
    now = [1000.0]
    monkeypatch.setattr("pipeline.base.standstill.time.monotonic", lambda: now[0])
    return now


def looks(stillness: Stillness, clock: list[float], step: float, shown: object, times: int) -> list[bool]:
    """What is said at each of so many looks."""
    said = []
    for _ in range(times):
        clock[0] += step
        said.append(stillness.over(lambda: shown))
    return said


def test_what_shows_the_same_for_the_whole_patience_is_still(clock: list[float]) -> None:
    """Sixty looks without a change: not one fewer."""
    said = looks(Stillness(60.0), clock, 1.0, "same", 61)

    assert [False] * 60 + [True] == said


def test_any_change_begins_the_patience_anew(clock: list[float]) -> None:
    """One sign of life is enough."""
    stillness = Stillness(60.0)
    looks(stillness, clock, 1.0, "first", 60)
    said = looks(stillness, clock, 1.0, "second", 61)

    assert [False] * 60 + [True] == said


@pytest.mark.parametrize("pause", [61.0, 3600.0, 1e6])
def test_a_pause_of_the_looker_is_one_look(clock: list[float], pause: float) -> None:
    """A laptop that slept, or a machine without time for this process, is no reason to end another."""
    stillness = Stillness(60.0)
    looks(stillness, clock, 1.0, "same", 30)

    assert [False] == looks(stillness, clock, pause, "same", 1)


def test_asked_more_often_it_looks_when_it_is_due(clock: list[float]) -> None:
    """Somebody who polls a port a hundred times a second costs no look each."""
    counted = count()
    stillness = Stillness(60.0)
    for _ in range(1000):
        clock[0] += 0.01
        stillness.over(lambda: next(counted))

    assert 10 <= next(counted) <= 11


def test_what_waits_for_a_processor_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a process may be ready for long without getting any time: it is slow, not still."""
    monkeypatch.setattr(psutil.Process, "status", lambda _: psutil.STATUS_RUNNING)
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda _: (0.0, 0.0))

    assert activity(os.getpid()) != activity(os.getpid())


@pytest.mark.outside
def test_what_sleeps_shows_the_same() -> None:
    """A process that waits for something shows nothing new; nor does one that is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        seen = activity(process.pid)
        while seen != (again := activity(process.pid)) or not seen:
            seen = again
        process.communicate(b"\n")

    assert [] == activity(process.pid) == activity(process.pid)


def test_the_end_of_what_stands_still_is_called_once() -> None:
    """And never for what ends before."""
    called: list[str] = []
    with watched(lambda: "same", lambda: called.append("never"), patience=300.0):
        pass
    with watched(lambda: "same", lambda: called.append("once"), patience=0.06):
        while not called:
            pass

    assert ["once"] == called
