"""Session cookies, signed with keys that rotate."""

import time
from collections.abc import Callable
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.secret import LIFETIME_SECONDS
from app.secrets_manager import get_secret_value
from app.signing import PAUSE_SECONDS, signing_keys


class Keys:
    """Signs and reads values; they live shorter than a rotation period, so that a new key logs nobody out."""

    def __init__(
        self,
        arn: str,
        *,
        read: Callable[..., str] = get_secret_value,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = signing_keys(arn, read=read, clock=clock)

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
        # itsdangerous signs with the last.
        return URLSafeTimedSerializer(list(reversed(self._keys.get(lifetime))), salt="ledger session")
