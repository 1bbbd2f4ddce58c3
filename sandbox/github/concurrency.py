"""`concurrency:` of a workflow or a job: those of one group wait for each other, as on GitHub; act ignores it.

Of those that wait only the newest stays, or with `queue: max` all, in their order; `cancel-in-progress` ends the one
that runs. Source: GitHub's "Control the concurrency of workflows and jobs".
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipeline.source import expressions

_LOOK = 0.2  # seconds between two looks whether the one that waits is still there


@dataclass(frozen=True)
class Group:
    """The evaluated group of a run or a job; an empty name is no group. `many` may wait, or one."""

    name: str = ""
    cancel: bool = False
    many: bool = False


def of(document: Mapping[str, Any], contexts: Mapping[str, Any]) -> Group:
    """The group of a workflow's run, or of a job. Raises Unknown where only a running job could know it."""
    written = document.get("concurrency")
    if not written:
        return Group()
    if isinstance(written, str):
        return Group(expressions.interpolate(written, contexts))
    cancel, group, queue = (
        expressions.interpolate(expressions.as_text(written.get(name)), contexts)
        for name in ("cancel-in-progress", "group", "queue")
    )
    return Group(group, cancel == "true", queue == "max")


@dataclass(eq=False)
class _Ticket:
    """A place in a group."""

    end: Callable[[], None]
    cancelled: bool = False


def _never() -> bool:
    return False


@dataclass
class Queue:
    """The groups of one GitHub: who runs, and who waits."""

    _running: dict[str, _Ticket] = field(default_factory=dict)
    _waiting: dict[str, list[_Ticket]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def turn(
        self, group: Group, end: Callable[[], None], gone: Callable[[], bool] = _never
    ) -> Iterator[bool]:
        """Wait for the group's turn; gives False for one that a newer one took the place of, or that is gone.

        `end` ends this one; it is called when a newer one of the group cancels it. Names of groups are compared
        without regard to case.
        """
        name, ticket = group.name.lower(), _Ticket(end)
        if not name:
            yield True
            return
        with self._changed:
            waiting = self._waiting.setdefault(name, [])
            if not group.many:
                for other in waiting:
                    other.cancelled = True
                waiting.clear()
                self._changed.notify_all()
            waiting.append(ticket)
            before = self._running.get(name)
        if before and group.cancel:
            before.end()
        ours = self._taken(name, ticket, gone)
        try:
            yield ours
        finally:
            with self._changed:
                if self._running.get(name) is ticket:
                    del self._running[name]
                self._changed.notify_all()

    def _taken(self, name: str, ticket: _Ticket, gone: Callable[[], bool]) -> bool:
        """Wait until the ticket is the group's; False for one that was cancelled, or whose holder is gone."""
        with self._changed:
            waiting = self._waiting[name]
            while not ticket.cancelled and not gone():
                if waiting[0] is ticket and name not in self._running:
                    self._running[name] = waiting.pop(0)
                    return True
                self._changed.wait(_LOOK)
            if ticket in waiting:
                waiting.remove(ticket)
            return False
