"""A request to the laptop's GitHub API as its endpoints see it, and the answers that they share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sandbox.github.records import Record, Records
from sandbox.loopback import Reply, Request


class AnswerError(Exception):
    """An answer other than success."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"message": message, "status": str(status.value)})


@dataclass(frozen=True)
class Call:
    """A request whose address fits a route: the numbers in it, the JSON body, the record store."""

    request: Request
    found: Mapping[str, str]
    records: Records

    def number(self, name: str) -> int:
        """A number of the address."""
        return int(self.found[name])

    @property
    def values(self) -> Record:
        """The JSON object of the body. Raises AnswerError."""
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise AnswerError(HTTPStatus.BAD_REQUEST, "Problems parsing JSON")
        return body

    def wanted(self, *names: str) -> Record:
        """As `values`, with these fields as text. Raises AnswerError."""
        values = self.values
        for name in names:
            if not isinstance(values.get(name), str) or not values[name]:
                raise AnswerError(
                    HTTPStatus.UNPROCESSABLE_ENTITY, f'Invalid request. "{name}" wasn\'t supplied as text.'
                )
        return values


def one(records: Mapping[int, Record], key: int) -> Record:
    """A record by its number. Raises AnswerError."""
    if key not in records:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    return records[key]


def ok(body: Any) -> Reply:
    """The answer of a success."""
    return Reply(HTTPStatus.OK, body)


def made(body: Any) -> Reply:
    """The answer of what was made."""
    return Reply(HTTPStatus.CREATED, body)
