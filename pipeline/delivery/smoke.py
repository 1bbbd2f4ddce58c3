"""Does the deployed application answer as the release that was deployed?"""

import logging
import time
from collections.abc import Callable, Mapping

from pipeline.base import http, timings
from pipeline.base.errors import GateError
from pipeline.source.application import Application

log = logging.getLogger(__name__)

_TRIES = 4  # a first request may meet a cold start
_PAUSE = 1.5  # seconds
_LAG = 60.0  # seconds that a new stage or alias may take to reach everybody; AWS names no number


def check(
    application: Application, url: str, expected: Mapping[str, str], say: Callable[[str], None] = log.info
) -> None:
    """Ask the application's routes of health and version behind the API's `url`.

    `expected` are the members that the version must give. Raises GateError with what was answered instead.
    """
    start = time.monotonic()
    try:
        for path in dict.fromkeys((*application.health, application.version)):
            wrong = _asked(url, path, expected if path == application.version else {})
            if wrong:
                raise GateError(
                    f"Smoke test: GET {path} {wrong}.", "Look at the function's log group for the cause."
                )
            say(f"  GET {path}: as it should be")
    finally:
        timings.record("aws", "smoke test", start)


def _asked(url: str, path: str, expected: Mapping[str, str]) -> str:
    """What goes on being wrong with a route: some tries, and more of them while the answer may be one of before."""
    wrong, tries, pause, end = "", 0, _PAUSE, time.monotonic() + _LAG
    while True:
        wrong, may_lag = _wrong(url, path, expected)
        tries += 1
        if not wrong or (tries >= _TRIES and not (may_lag and time.monotonic() < end)):
            return wrong
        time.sleep(pause)
        pause = min(pause * 1.5, _LAG / 6) if may_lag else _PAUSE


def _wrong(url: str, path: str, expected: Mapping[str, str]) -> tuple[str, bool]:
    """What is wrong with the answer, nothing when nothing is; and whether it may be that the release hasn't come there
    yet: an answer of the gateway's own, which is an object with a message alone, or of another release."""
    try:
        answer = http.request("GET", f"{url.rstrip('/')}{path}")
    except GateError as error:
        return f"gave no answer ({error.message})", True
    found = answer.data if isinstance(answer.data, dict) else {}
    if answer.status != 200:
        return f"answered {answer.status}: {answer.text[:200]!r}", found.keys() == {"message"}
    other = {name: found.get(name) for name, value in expected.items() if found.get(name) != value}
    if other:
        wanted = {name: expected[name] for name in other}
        return f"answered {other}, not {wanted}", True
    return "", False
