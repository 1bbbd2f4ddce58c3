import threading
from typing import Any

import pytest

from pipeline.source.expressions import Unknown
from sandbox.github.concurrency import Group, Queue, of
from tests.waiting import until

CONTEXTS = {"github": {"ref_name": "main", "event": {"number": 7.0}}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, Group()),
        ("deploy", Group("deploy")),
        ({"group": "pr-${{ github.event.number }}", "cancel-in-progress": True}, Group("pr-7", True)),
        ({"group": "deploy-dev", "cancel-in-progress": False}, Group("deploy-dev")),
        ({"group": "deploy-dev", "queue": "max"}, Group("deploy-dev", many=True)),
        ({"group": "deploy-dev", "queue": "single"}, Group("deploy-dev")),
    ],
)
def test_reads_the_group(written: Any, expected: Group) -> None:
    """A group is a name or a mapping, with its expressions evaluated."""
    assert expected == of({"concurrency": written}, CONTEXTS)


def test_a_group_that_only_the_run_knows_is_unknown() -> None:
    """No run is put into a group that was guessed."""
    with pytest.raises(Unknown):
        of({"concurrency": "${{ secrets.X }}"}, CONTEXTS)


class Race:
    """Runs that want their turn, and the order in which they begin and end."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.order: list[str] = []

    def enter(self, name: str, group: Group) -> "Racer":
        """A run that waits for its turn from now on, or has it."""
        racer = Racer(self, name, group)
        key = group.name.lower()
        until(lambda: racer.began.is_set() or racer.known(self.queue, key), f"{name}'s place in the queue")
        return racer


class Racer:
    """A run in a thread of its own: it says when its turn has come, and goes on until it is let go."""

    def __init__(self, race: Race, name: str, group: Group) -> None:
        self.began, self.let_go = threading.Event(), threading.Event()
        self.ours: bool | None = None
        self._race, self._name, self._group = race, name, group
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._race.queue.turn(self._group, self.let_go.set) as self.ours:
            self._race.order.append(f"{self._name} begins" if self.ours else f"{self._name} is dropped")
            self.began.set()
            if self.ours:
                self.let_go.wait()
            self._race.order.append(f"{self._name} ends")

    def known(self, queue: Queue, name: str) -> bool:
        """Whether the queue holds a place for it."""
        return any(ticket.end == self.let_go.set for ticket in queue._waiting.get(name, []))

    def end(self) -> None:
        """Let it go, and wait for its end."""
        self.let_go.set()
        self._thread.join()


def test_a_second_run_waits_for_the_first() -> None:
    """Two runs of one group never go on at once; names don't differ by case alone."""
    race = Race()
    first = race.enter("first", Group("deploy"))
    until(first.began.is_set, "the first's turn")
    second = race.enter("second", Group("Deploy"))
    first.end()
    until(second.began.is_set, "the second's turn")
    second.end()

    assert ["first begins", "first ends", "second begins", "second ends"] == race.order


def test_of_those_that_wait_the_newest_stays() -> None:
    """A third run takes the place of the second, which never runs."""
    race = Race()
    first = race.enter("first", Group("deploy"))
    until(first.began.is_set, "the first's turn")
    second = race.enter("second", Group("deploy"))
    third = race.enter("third", Group("deploy"))
    second.end()
    first.end()
    until(third.began.is_set, "the third's turn")
    third.end()

    assert [
        *("first begins", "second is dropped", "second ends", "first ends", "third begins", "third ends")
    ] == race.order


def test_with_queue_max_all_wait_in_their_order() -> None:
    """None is dropped, and each has its turn when the one before it has ended."""
    race = Race()
    racers = [race.enter("0", Group("deploy", many=True))]
    until(racers[0].began.is_set, "the first's turn")
    racers += [race.enter(str(number), Group("deploy", many=True)) for number in range(1, 4)]
    for racer in racers:
        until(racer.began.is_set, "the turn")
        racer.end()

    assert [f"{number} {what}" for number in range(4) for what in ("begins", "ends")] == race.order


def test_who_is_gone_waits_no_longer() -> None:
    """A run that was cancelled while it waited leaves its place to the next."""
    queue, gone = Queue(), threading.Event()
    with queue.turn(Group("deploy", many=True), lambda: None):
        waiting = queue.turn(Group("deploy", many=True), lambda: None, gone.is_set)
        gone.set()
        with waiting as ours:
            assert not ours
    with queue.turn(Group("deploy", many=True), lambda: None) as ours:
        assert ours


def test_cancel_in_progress_ends_the_one_that_runs() -> None:
    """A newer push to a pull request ends the run of the older one."""
    race = Race()
    first = race.enter("first", Group("pr-7", cancel=True))
    until(first.began.is_set, "the first's turn")
    second = race.enter("second", Group("pr-7", cancel=True))
    until(second.began.is_set, "the second's turn")
    ended = first.let_go.is_set()
    second.end()

    assert ended
    assert ["first begins", "first ends", "second begins", "second ends"] == race.order


@pytest.mark.parametrize("other", [Group(), Group("another")])
def test_other_groups_do_not_wait(other: Group) -> None:
    """Runs of different groups, and those of none, go on side by side."""
    race = Race()
    first, second = race.enter("first", Group("deploy")), race.enter("second", other)
    until(first.began.is_set, "the first's turn")
    until(second.began.is_set, "the second's turn")
    first.end()
    second.end()

    assert ["first ends", "second ends"] == race.order[2:]
    assert {"first begins", "second begins"} == set(race.order[:2])
