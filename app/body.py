"""JSON bodies read strictly: what two parsers could read differently is refused."""

import json
from typing import Any, NoReturn

from flask import Request

from app.problems import Problem

MAX_DEPTH = 32


def json_object(request: Request) -> dict[str, Any]:
    """Return the request's body, a JSON object in UTF-8; Problem 400 or 415 when it is none (RFC 8259)."""
    if request.mimetype != "application/json":
        raise Problem(415, "Unsupported Media Type", "Send the body as application/json.")
    try:
        value = json.loads(
            request.get_data().decode("utf-8", "strict"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_int=_small_integer,
        )
    except UnicodeDecodeError as error:
        raise _refused(f"it is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise _refused(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise _refused(str(error)) from None
    if not isinstance(value, dict):
        raise _refused("it is not an object")
    if _deeper_than(value, MAX_DEPTH):
        raise _refused(f"it is nested deeper than {MAX_DEPTH} levels")
    return value


def _refused(reason: str) -> Problem:
    return Problem(400, "Bad Request", f"The body can't be read as JSON: {reason}.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object names a member twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _small_integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a number has more than 20 digits")
    return int(digits)


def _deeper_than(value: object, depth: int) -> bool:
    """Tell whether lists and objects nest deeper, walking level by level so that nothing recurses."""
    level = [value]
    for _ in range(depth):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)
