"""The keys that sign session cookies: the newest signs, the one before it is still accepted."""

import threading
import time
from collections.abc import Callable
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from app import log
from app.fields import keepable
from app.secrets_manager import SecretUnavailableError, get_secret_value, json_object

LIFETIME_SECONDS = 300.0
PAUSE_SECONDS = 10.0  # between two reads for cookies that no kept key fits, which anybody can send


class Keys:
    """Signs and reads values with the keys in a secret, whose two newest versions count.

    When the secret rotates, cookies that the key before signed stay good: they live shorter than a rotation
    period. Another instance may have seen the new key already, so a value that fits none is tried again
    with keys that are read anew.
    """

    def __init__(
        self,
        arn: str,
        *,
        read: Callable[..., str] = get_secret_value,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._arn = arn
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: list[str] = []
        self._kept_at = 0.0

    def sign(self, value: dict[str, Any]) -> str:
        """Return the value as text that nobody else can make."""
        return str(self._serializer(LIFETIME_SECONDS).dumps(value))

    def read(self, text: str, max_age: float) -> dict[str, Any] | None:
        """Return the value that was signed at most `max_age` seconds ago, None if there is none in the text."""
        for lifetime in (LIFETIME_SECONDS, PAUSE_SECONDS):
            try:
                value = self._serializer(lifetime).loads(text, max_age=int(max_age))
            except BadSignature:
                continue
            return value if isinstance(value, dict) else None
        return None

    def _serializer(self, lifetime: float) -> URLSafeTimedSerializer:
        with self._lock:
            if not self._kept or not 0 <= self._clock() - self._kept_at < lifetime:
                self._kept = self._fetch()
                self._kept_at = self._clock()
            return URLSafeTimedSerializer(self._kept, salt="ledger session")

    def _fetch(self) -> list[str]:
        """Return the keys, the signing one last, as itsdangerous wants them."""
        keys = [self._key("AWSCURRENT")]
        try:
            keys.insert(0, self._key("AWSPREVIOUS"))
        except SecretUnavailableError:
            log.logger.info("the signing key has no earlier version")
        return keys

    def _key(self, stage: str) -> str:
        key = json_object(self._read(self._arn, version_stage=stage)).get("signing_key")
        if not isinstance(key, str) or len(key) < 32 or not keepable(key):
            raise SecretUnavailableError(
                f"secret {self._arn} is no JSON object with a 'signing_key' of 32 characters or more; "
                "see SessionSecret in template.yaml"
            )
        log.mask(key)
        return key
