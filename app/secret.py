"""The database's user and password: read at run time by ARN, kept for a while, read anew when refused."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard

from app import log
from app.fields import keepable
from app.secrets_manager import SecretUnavailableError, get_secret_value, json_object

LIFETIME_SECONDS = 300.0


@dataclass(frozen=True)
class Credentials:
    """A database user and its password, which never shows in a repr."""

    username: str
    password: str = field(repr=False)


class Secret:
    """A secret kept in memory, for at most `lifetime` seconds of wall-clock time.

    The clock is the wall's, since a frozen function's monotonic clock may stand still.
    """

    def __init__(
        self,
        arn: str,
        *,
        read: Callable[[str], str] = get_secret_value,
        lifetime: float = LIFETIME_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.arn = arn
        self._read = read
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: Credentials | None = None
        self._kept_at = 0.0

    def get(self) -> Credentials:
        """Return the credentials, read from Secrets Manager if none are kept or they are too old."""
        with self._lock:
            age = self._clock() - self._kept_at
            if self._kept is None or not 0 <= age < self._lifetime:
                return self._refresh()
            return self._kept

    def refresh(self, refused: Credentials) -> Credentials:
        """Return newer credentials than `refused`: another thread's if it was faster, else read ones."""
        with self._lock:
            if self._kept is not None and self._kept != refused:
                return self._kept
            return self._refresh()

    def _refresh(self) -> Credentials:
        self._kept = parse(self._read(self.arn), self.arn)
        self._kept_at = self._clock()
        return self._kept


def parse(text: str, arn: str) -> Credentials:
    """Take user and password out of a secret in the form that RDS and rotation use, a JSON object.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """
    value = json_object(text)
    username, password = value.get("username"), value.get("password")
    if not (_usable(username) and _usable(password)):
        raise SecretUnavailableError(
            f"secret {arn} is no JSON object with the texts 'username' and 'password'; "
            "see GenerateSecretString in template.yaml"
        )
    log.mask(password)
    return Credentials(username, password)


def _usable(value: object) -> TypeGuard[str]:
    """Tell whether it is a text that PostgreSQL takes whole."""
    return isinstance(value, str) and value != "" and keepable(value)
