"""Secrets: read at run time by their ARN, kept for a while, read anew when refused."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard

from app import log
from app.fields import keepable
from app.secrets_manager import SecretUnavailableError, get_secret_value, json_object

LIFETIME_SECONDS = 300.0


class Kept[T]:
    """What `load` returns, kept in memory for at most `lifetime` seconds of wall-clock time.

    The clock is the wall's, since a frozen function's monotonic clock may stand still.
    """

    def __init__(
        self,
        load: Callable[[], T],
        *,
        lifetime: float = LIFETIME_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._load = load
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: T | None = None
        self._kept_at = 0.0

    def get(self, lifetime: float | None = None) -> T:
        """Return what is kept, loaded anew if there is nothing, or nothing as young as is asked for."""
        with self._lock:
            age = self._clock() - self._kept_at
            if self._kept is None or not 0 <= age < (self._lifetime if lifetime is None else lifetime):
                return self._refresh()
            return self._kept

    def refresh(self, refused: T) -> T:
        """Return something newer than `refused`: another thread's if it was faster, else what is loaded now."""
        with self._lock:
            if self._kept is not None and self._kept != refused:
                return self._kept
            return self._refresh()

    def _refresh(self) -> T:
        self._kept = self._load()
        self._kept_at = self._clock()
        return self._kept


@dataclass(frozen=True)
class Credentials:
    """A database user and its password, which never shows in a repr."""

    username: str
    password: str = field(repr=False)


def credentials(text: str, arn: str) -> Credentials:
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


def members(*names: str) -> Callable[[str, str], dict[str, str]]:
    """Return how to take these texts out of a secret that is a JSON object, whatever else is in it."""

    def take(text: str, arn: str) -> dict[str, str]:
        value = json_object(text)
        taken = {name: value[name] for name in names if _usable(value.get(name))}
        if missing := [name for name in names if name not in taken]:
            raise SecretUnavailableError(
                f"secret {arn} is no JSON object with a text for {', '.join(map(repr, missing))}; put one into it"
            )
        for one in taken.values():
            log.mask(one)
        return taken

    return take


def plain(text: str, arn: str) -> str:
    """Take the whole text of a secret, without the line's end that it has if it was put there from a file."""
    text = text.rstrip("\r\n")
    if not _usable(text):
        raise SecretUnavailableError(f"secret {arn} has no text that can be used; put one into it")
    log.mask(text)
    return text


class Secret[T = Credentials](Kept[T]):
    """A secret of any shape: `parse` takes what is of use out of its text, and masks what must not be logged."""

    def __init__(
        self,
        arn: str,
        parse: Callable[[str, str], T] = credentials,  # type: ignore[assignment] # the default of T
        *,
        read: Callable[[str], str] = get_secret_value,
        lifetime: float = LIFETIME_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(lambda: parse(read(arn), arn), lifetime=lifetime, clock=clock)


def _usable(value: object) -> TypeGuard[str]:
    """Tell whether it is a text that PostgreSQL, and every other system, takes whole."""
    return isinstance(value, str) and value != "" and keepable(value)
