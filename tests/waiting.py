"""How tests wait: for what they want to see, and never for a time; and a clock that they move themselves."""

import time
from collections.abc import Callable

_LONGEST = 600.0  # seconds; by then nobody believes in it, however busy the machine is


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class NeverError(Exception):
    """What a test waited for did not come: no verdict on what it would have tried."""


def until[T](look: Callable[[], T | None], what: str, pause: float = 0.05) -> T:
    """Look again and again until there is something true to see, and return it. `pause` is in seconds."""
    end = time.monotonic() + _LONGEST
    while not (seen := look()):
        if time.monotonic() > end:
            raise NeverError(f"after {_LONGEST:.0f} seconds there is still no sign of this: {what}")
        time.sleep(pause)
    return seen
