"""The keys that sign cookies: the newest signs, the one before it is still accepted."""

import time
from collections.abc import Callable

from app import log
from app.fields import keepable
from app.secret import Kept
from app.secrets_manager import SecretUnavailableError, get_secret_value, json_object

PAUSE_SECONDS = 10.0  # between two reads for cookies that no kept key fits, which anybody can send


def signing_keys(
    arn: str, *, read: Callable[..., str] = get_secret_value, clock: Callable[[], float] = time.time
) -> Kept[tuple[str, ...]]:
    """Return the keys in the two newest versions of a secret, the newest first.

    When the secret rotates, what the key before signed stays good for another rotation period. Another instance may
    have seen the new key already: for what fits no key, ask for keys that are younger than PAUSE_SECONDS.
    """

    def load() -> tuple[str, ...]:
        keys = [_key(read(arn, version_stage="AWSCURRENT"), arn)]
        try:
            keys.append(_key(read(arn, version_stage="AWSPREVIOUS"), arn))
        except SecretUnavailableError:
            log.logger.info("the signing key has no earlier version")
        return tuple(keys)

    return Kept(load, clock=clock)


def _key(text: str, arn: str) -> str:
    key = json_object(text).get("signing_key")
    if not isinstance(key, str) or len(key) < 32 or not keepable(key):
        raise SecretUnavailableError(
            f"secret {arn} is no JSON object with a 'signing_key' of 32 characters or more; "
            "see SessionSecret in template.yaml"
        )
    log.mask(key)
    return key
