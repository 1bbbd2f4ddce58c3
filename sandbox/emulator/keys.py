"""Mends of KMS: what a key is for, and what is told of it."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import kms

type Answer = tuple[int, Any, bytes]

# Which use each operation asks of a key: the errors of Encrypt, Decrypt, Sign and Verify in KMS's API reference.
_USES = {
    "_encrypt": "ENCRYPT_DECRYPT",
    "_decrypt": "ENCRYPT_DECRYPT",
    "_sign": "SIGN_VERIFY",
    "_verify": "SIGN_VERIFY",
}


def uses() -> None:
    """AWS: a key that is for another use answers InvalidKeyUsageException. ministack: UnsupportedOperationException,
    which AWS says of parameters."""

    def judged(act: Callable[[Any], Answer], wanted: str) -> Callable[[Any], Answer]:
        def done(data: dict[str, Any]) -> Answer:
            key = kms._resolve_key(data["KeyId"]) if data.get("KeyId") else None
            if key and key["KeyUsage"] != wanted and not kms._check_key_state(key):
                said = f"{key['Arn']} key usage is {key['KeyUsage']} which is not valid for this operation."
                refused: Answer = kms.error_response_json("InvalidKeyUsageException", said, 400)
                return refused
            return act(data)

        return done

    for name, wanted in _USES.items():
        setattr(kms, name, judged(getattr(kms, name), wanted))


def descriptions() -> None:
    """AWS: a key's metadata name its account and the algorithms of its own use alone, and a public key's answer has its
    spec under the old name as well. ministack: no account, an empty list for the other use, and no old name.
    Source: KeyMetadata and GetPublicKey in KMS's API reference."""
    metadata, public = kms._key_metadata, kms._get_public_key

    def described(key: dict[str, Any]) -> dict[str, Any]:
        return {"AWSAccountId": get_account_id(), **_of_one_use(metadata(key))}

    def told(data: dict[str, Any]) -> Answer:
        status, headers, body = public(data)
        found = json.loads(body)
        if status == 200:
            body = json.dumps({**_of_one_use(found), "CustomerMasterKeySpec": found["KeySpec"]}).encode()
        return status, headers, body

    kms._key_metadata, kms._get_public_key = described, told


def _of_one_use(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if not name.endswith("Algorithms") or value}


MENDS = (uses, descriptions)
