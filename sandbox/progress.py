"""Says what runs inside of a long step, and for how many seconds so far.

By itself it needs no package and any Python 3, since the Makefile runs it before anything is installed:
python3 sandbox/progress.py TEXT PROGRAM [ARGUMENT ...]
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

_LOOKS = 0.5  # seconds between two looks at the clock


class Progress:
    """One step at a time, from `begin` to `end`; `inside` tells what runs in it. A context manager, it ticks by itself.

    On a terminal it is one line that rewrites itself; elsewhere a plain line each `every` seconds, and none for a
    step that is shorter. `write` gets the text as it is written, `clock` gives seconds.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        terminal: bool,
        every: float = 15.0,
        width: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._terminal = terminal
        self._every = every
        self._width = width
        self._clock = clock
        self._step = ""
        self._start = self._said = 0.0
        self._inside: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Progress":  # noqa: PYI034 - Self is Python 3.11's
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.end()

    def begin(self, step: str) -> None:
        """A step begins."""
        with self._lock:
            self._step, self._inside = step, {}
            self._start = self._said = self._clock()
        self.tick()

    def inside(self, who: str, what: str) -> None:
        """What `who` does now, within the step; nothing more where `what` is empty."""
        with self._lock:
            self._inside.pop(who, None)  # the newest comes last
            if what:
                self._inside[who] = what

    def heard(self) -> None:
        """Something else was said: no plain line is due."""
        with self._lock:
            self._said = self._clock()

    def end(self) -> None:
        """The step has ended; on a terminal its line goes."""
        with self._lock:
            if self._step and self._terminal:
                self._write("\r\x1b[K")
            self._step = ""

    def tick(self) -> None:
        """Say how it stands, where that is due."""
        with self._lock:
            now = self._clock()
            if not self._step or not (self._terminal or now - self._said >= self._every):
                return
            self._said = now
            doing = ", ".join(f"{who}: {what}" for who, what in self._inside.items())
            text = f"     {self._step}, {now - self._start:.0f} s" + (f" | {doing}" if doing else "")
            if self._terminal:
                self._write(f"\r\x1b[K{text[: self._width() - 1]}")
            else:
                self._write(f"{text}\n")

    def _run(self) -> None:
        while not self._over.wait(_LOOKS):
            self.tick()


def rewrites(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which a line can be written anew."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def to(stream: TextIO) -> Callable[[str], None]:
    """Writes to a stream at once."""
    return lambda text: print(text, end="", file=stream, flush=True)


def main(text: str, words: list[str]) -> int:
    """Run a program, and show its output when it has failed; its exit status."""
    with Progress(to(sys.stdout), terminal=rewrites(sys.stdout)) as progress:
        progress.begin(text)
        ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        progress.end()
    if ended.returncode:
        print(ended.stdout.decode(errors="replace"), end="", file=sys.stderr)
    return ended.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
