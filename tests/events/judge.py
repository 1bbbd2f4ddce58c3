"""Whether an adapter gets a case right."""

import json
from collections.abc import Callable
from typing import Any

from tests.events import receive
from tests.events.cases import Case


def faults(case: Case, respond: Callable[[Any, Any, Any], Any]) -> list[str]:
    """What is wrong, in words; empty if all is right. An exception is a fault too."""
    try:
        reply = respond(case.app, case.event, None)
        json.dumps(reply)
        answer = receive(case.event if isinstance(case.event, dict) else {}, reply)
    except Exception as error:  # that is what is looked for
        return [f"{type(error).__name__}: {error}"]
    found: list[tuple[str, Any, Any]] = [("status", case.status, answer.status)]
    if case.sees and answer.status == case.status:
        seen = json.loads(answer.body)
        found += [(f"seen {name}", value, seen[name]) for name, value in case.sees.items()]
    found += [(name, values, answer.values(name)) for name, values in case.headers.items()]
    if case.body is not None:
        found.append(("body", case.body, answer.body))
    found += [(name, value, reply.get(name)) for name, value in case.reply.items()]
    return [f"{name}: {actual!r}, not {expected!r}" for name, expected, actual in found if expected != actual]
