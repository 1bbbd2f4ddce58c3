import threading
from typing import Any

import pytest

from sandbox.github.concurrency import Group, Queue, of
from sandbox.github.expressions import Unknown

CONTEXTS = {"github": {"ref_name": "main", "event": {"number": 7.0}}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, Group()),
        ("deploy", Group("deploy")),
        ({"group": "pr-${{ github.event.number }}", "cancel-in-progress": "true"}, Group("pr-7", True)),
        ({"group": "deploy-dev", "cancel-in-progress": "false"}, Group("deploy-dev")),
    ],
)
def test_reads_the_group(written: Any, expected: Group) -> None:
    """A group is a name or a mapping, with its expressions evaluated."""
    assert expected == of({"concurrency": written}, CONTEXTS)


def test_a_group_that_only_the_run_knows_is_unknown() -> None:
    """No run is put into a group that was guessed."""
    with pytest.raises(Unknown):
        of({"concurrency": "${{ secrets.X }}"}, CONTEXTS)


class Racer:
    """A run in a thread of its own: it says when its turn has come, and goes on until it is let go."""

    def __init__(self, queue: Queue, group: Group) -> None:
        self.began, self.let_go = threading.Event(), threading.Event()
        self.ours: bool | None = None
        self._queue, self._group = queue, group
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._queue.turn(self._group, self.let_go.set) as self.ours:
            self.began.set()
            if self.ours:
                self.let_go.wait(10)

    def end(self) -> bool | None:
        """Let it go, wait for its end, and say whether it ever ran."""
        self.let_go.set()
        self._thread.join(10)
        return self.ours


def waits(racer: Racer) -> bool:
    return not racer.began.wait(0.1)


def test_a_second_run_waits_for_the_first() -> None:
    """Two runs of one group never go on at once; names don't differ by case alone."""
    queue = Queue()
    first = Racer(queue, Group("deploy"))
    assert first.began.wait(5)
    second = Racer(queue, Group("Deploy"))
    waited = waits(second)
    first.end()

    assert waited
    assert second.began.wait(5)
    assert second.end()


def test_of_those_that_wait_the_newest_stays() -> None:
    """A third run takes the place of the second, which never runs."""
    queue = Queue()
    first = Racer(queue, Group("deploy"))
    assert first.began.wait(5)
    second = Racer(queue, Group("deploy"))
    assert waits(second)
    third = Racer(queue, Group("deploy"))

    assert second.began.wait(5)
    assert second.ours is False
    assert waits(third)
    first.end()
    assert third.began.wait(5)
    assert third.end()


def test_cancel_in_progress_ends_the_one_that_runs() -> None:
    """A newer push to a pull request ends the run of the older one."""
    queue = Queue()
    first = Racer(queue, Group("pr-7", cancel=True))
    assert first.began.wait(5)
    second = Racer(queue, Group("pr-7", cancel=True))

    assert second.began.wait(5)
    assert first.let_go.is_set()
    assert second.end()


@pytest.mark.parametrize("other", [Group(), Group("another")])
def test_other_groups_do_not_wait(other: Group) -> None:
    """Runs of different groups, and those of none, go on side by side."""
    queue = Queue()
    first, second = Racer(queue, Group("deploy")), Racer(queue, other)

    assert first.began.wait(5)
    assert second.began.wait(5)
    assert (True, True) == (first.end(), second.end())
