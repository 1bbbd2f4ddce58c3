"""`concurrency:` of a workflow: runs of one group wait for each other, as on GitHub; act ignores it.

Of the runs that wait, only the newest stays; `cancel-in-progress` ends the one that runs.
Source: GitHub's "Control the concurrency of workflows and jobs". A job's own group is not looked at.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipeline.source import expressions


@dataclass(frozen=True)
class Group:
    """The evaluated group of a run; an empty name is no group."""

    name: str = ""
    cancel: bool = False


def of(document: Mapping[str, Any], contexts: Mapping[str, Any]) -> Group:
    """The group of a workflow's run. Raises Unknown where only a running job could know it."""
    written = document.get("concurrency")
    if not written:
        return Group()
    if isinstance(written, str):
        return Group(expressions.interpolate(written, contexts))
    cancel = expressions.interpolate(expressions.as_text(written.get("cancel-in-progress")), contexts)
    return Group(expressions.interpolate(expressions.as_text(written["group"]), contexts), cancel == "true")


@dataclass
class _Ticket:
    """A run's place in its group."""

    end: Callable[[], None]
    cancelled: bool = False


@dataclass
class Queue:
    """The groups of one GitHub: who runs, and who waits."""

    _running: dict[str, _Ticket] = field(default_factory=dict)
    _waiting: dict[str, _Ticket] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def turn(self, group: Group, end: Callable[[], None]) -> Iterator[bool]:
        """Wait for the group's turn; gives False for a run that a newer one took the place of.

        `end` ends this run; it is called when a newer run of the group cancels it. Names of groups are
        compared without regard to case.
        """
        name, ticket = group.name.lower(), _Ticket(end)
        if not name:
            yield True
            return
        with self._changed:
            if name in self._waiting:
                self._waiting.pop(name).cancelled = True
                self._changed.notify_all()
            self._waiting[name] = ticket
            before = self._running.get(name)
        if before and group.cancel:
            before.end()
        with self._changed:
            self._changed.wait_for(lambda: ticket.cancelled or name not in self._running)
            if not ticket.cancelled:
                self._waiting.pop(name, None)
                self._running[name] = ticket
        try:
            yield not ticket.cancelled
        finally:
            with self._changed:
                if self._running.get(name) is ticket:
                    del self._running[name]
                self._changed.notify_all()
