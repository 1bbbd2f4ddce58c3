"""Does the deployed application answer as the release that was deployed?"""

import time
from collections.abc import Callable, Mapping

from pipeline.base import http, timings
from pipeline.base.errors import GateError
from pipeline.source.application import Application

_TRIES = 4  # a first request may meet a cold start, a new stage a few seconds of 403 and 500
_PAUSE = 1.5  # seconds


def check(
    application: Application, url: str, expected: Mapping[str, str], say: Callable[[str], None] = print
) -> None:
    """Ask the application's routes of health and version behind the API's `url`.

    `expected` are the members that the version must give. Raises GateError with what was answered instead.
    """
    start = time.monotonic()
    try:
        for path in dict.fromkeys((*application.health, application.version)):
            wrong = ""
            for attempt in range(_TRIES):
                if attempt:
                    time.sleep(_PAUSE)
                wrong = _wrong(url, path, expected if path == application.version else {})
                if not wrong:
                    break
            if wrong:
                raise GateError(
                    f"Smoke test: GET {path} {wrong}.", "Look at the function's log group for the cause."
                )
            say(f"  GET {path}: as it should be")
    finally:
        timings.record("aws", "smoke test", start)


def _wrong(url: str, path: str, expected: Mapping[str, str]) -> str:
    """What is wrong with the answer; empty when nothing is."""
    try:
        answer = http.request("GET", f"{url.rstrip('/')}{path}")
    except GateError as error:
        return f"gave no answer ({error.message})"
    if answer.status != 200:
        return f"answered {answer.status}: {answer.text[:200]!r}"
    found = answer.data if isinstance(answer.data, dict) else {}
    other = {name: found.get(name) for name, value in expected.items() if found.get(name) != value}
    if other:
        wanted = {name: expected[name] for name in other}
        return f"answered {other}, not {wanted}"
    return ""
