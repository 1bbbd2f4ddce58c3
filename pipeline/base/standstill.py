"""Whether something still makes progress. A limit ends what stands still, never what is slow."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

PATIENCE = 300.0  # seconds without a sign of life, after which none is expected any more
_LOOKS = 60  # in that time


class Stillness:
    """Tells when what is looked at has shown the same for `patience` seconds.

    Looks are counted, and not the time between them: a machine that slept, or had no time for this process, tells
    nothing of others.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.pause = patience / _LOOKS  # seconds between two looks
        self._next = 0.0
        self._same = 0
        self._shown: object = None

    def over(self, look: Callable[[], object]) -> bool:
        """Whether patience is at its end. May be asked at any time, and looks when it is due."""
        if time.monotonic() < self._next:
            return False
        shown = look()
        self._same = self._same + 1 if shown == self._shown else 0
        self._shown, self._next = shown, time.monotonic() + self.pause
        return self._same >= _LOOKS


@contextlib.contextmanager
def watched(
    look: Callable[[], object], end: Callable[[], None], patience: float = PATIENCE
) -> Iterator[None]:
    """While the block runs: call `end`, once, when `look` has told the same for `patience` seconds."""
    stillness, done = Stillness(patience), threading.Event()

    def watch() -> None:
        while not done.wait(stillness.pause):
            if stillness.over(look):
                end()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def activity(pid: int) -> object:
    """What tells that a process, or one below it, works: another value each time that one did.

    To be ready to run is work too: on a busy machine it may take long until there is a processor. Nothing of a
    process that has ended is another value.
    """
    import psutil  # here, since most runs of the pipeline end before anybody looks

    shown = []
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_RUNNING:
                return object()
            shown.append((process.pid, process.create_time(), process.cpu_times()))
    return shown


def kill(pid: int) -> None:
    """Kill a process and all that are below it."""
    import psutil

    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            process.kill()


def _family(pid: int) -> list["psutil.Process"]:
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []
