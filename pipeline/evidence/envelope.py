"""Signed statements: DSSE envelopes that hold in-toto statements, signed by a key of KMS.

Sources: https://github.com/secure-systems-lab/dsse (protocol and envelope), https://github.com/in-toto/attestation
(statement v1). What is read here was written by somebody else: every envelope is hostile until it is verified.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import json_format
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature, Signer, SSlibKey

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.delivery import aws, store

PAYLOAD = "application/vnd.in-toto+json"
LARGEST = store.MOST  # bytes
_ALGORITHM: Final = "ECDSA_SHA_256"


@dataclass(frozen=True)
class Verified:
    """What a good signature says: `predicate` about `subjects` (name to SHA-256), signed by the key `keyid`."""

    predicate_type: str
    predicate: Mapping[str, Any]
    subjects: Mapping[str, str]
    keyid: str


class KmsSigner(Signer):
    """A key in KMS, reached with a session's own credentials and region."""

    def __init__(self, session: boto3.Session, key: str, public: Key) -> None:
        self._client = session.client("kms", config=aws.CONFIG)
        self._key = key
        self._public = public

    @property
    def public_key(self) -> Key:
        """The key's public half."""
        return self._public

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: Any = None) -> Signer:
        """Not offered: a key is named together with the session that may use it."""
        raise NotImplementedError(priv_key_uri)

    def sign(self, payload: bytes) -> Signature:
        """Sign the SHA-256 of `payload`. Raises GateError when KMS refuses."""
        with aws.errors("signing with KMS"):
            answer = self._client.sign(
                KeyId=self._key,
                Message=hashlib.sha256(payload).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=_ALGORITHM,
            )
        return Signature(self._public.keyid, answer["Signature"].hex())


def signer(session: boto3.Session, alias: str) -> KmsSigner:
    """The key in KMS that an alias names."""
    with aws.errors(f"reading the public half of {alias}"):
        answer = session.client("kms", config=aws.CONFIG).get_public_key(KeyId=alias)
    # By its ARN: the role's right to sign names the key, not its alias.
    return KmsSigner(session, answer["KeyId"], public_key(answer["PublicKey"]))


def public_key(data: bytes | str) -> Key:
    """A public key from DER, from DER in base64 (as `aws kms get-public-key` prints it), or from PEM.

    Raises ConfigurationError unless it is of the curve that the pipeline signs with.
    """
    try:
        raw = data.encode() if isinstance(data, str) else data
        if b"-----BEGIN" in raw:
            key = serialization.load_pem_public_key(raw)
        else:
            der = base64.b64decode(data, validate=True) if isinstance(data, str) else data
            key = serialization.load_der_public_key(der)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"This is no public key in PEM or DER: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError("The public key is not of the curve P-256, with which the pipeline signs.")
    return SSlibKey.from_crypto(key)


def sign(by: Signer, subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """An envelope with the statement that `predicate` holds of `subjects` (name to SHA-256)."""
    described = [
        ResourceDescriptor(name=name, digest={"sha256": subjects[name]}).pb for name in sorted(subjects)
    ]
    statement = Statement(described, predicate_type, dict(predicate))
    statement.validate()
    # The predicate as it was given: protobuf's Struct knows no whole numbers.
    payload = canonical({**json_format.MessageToDict(statement.pb), "predicate": predicate})
    envelope = Envelope(payload, PAYLOAD, {})
    envelope.sign(by)
    return canonical(envelope.to_dict())


def verify(raw: bytes, key: Key, what: str) -> Verified:
    """The statement in an envelope, if `key` signed it. `what` names it in errors. Raises GateError."""
    if len(raw) > LARGEST:
        raise GateError(f"{what} is larger than {LARGEST} bytes.")
    try:
        data = json.loads(raw)
        envelope = Envelope.from_dict(data)
    except Exception as error:
        # The library raises whatever a hostile shape brings up: KeyError, TypeError, binascii.Error, ...
        raise GateError(f"{what} is not a signed statement: {type(error).__name__}: {error}") from error
    if envelope.payload_type != PAYLOAD:
        raise GateError(f"{what} holds {envelope.payload_type!r}, not {PAYLOAD}.")
    try:
        envelope.verify([key], 1)
    except (VerificationError, UnverifiedSignatureError, ValueError) as error:
        signers = ", ".join(sorted(envelope.signatures)) or "nobody"
        if key.keyid in envelope.signatures:
            raise GateError(
                f"{what} is not signed by the key {key.keyid}, which it names: what it says was changed after that.",
                "Do not use it. Take it from where it is kept.",
            ) from error
        raise GateError(
            f"{what} is not signed by the key {key.keyid}; its signatures are of {signers}.",
            "Another key signed it: is it of another environment? Else do not use it.",
        ) from error
    if canonical(envelope.to_dict()) != raw:
        # The signature is of the payload alone: spare bits of base64, blanks or a key said twice would pass.
        raise GateError(
            f"{what} says what was signed, but is written in another way than the pipeline writes it.",
            "Somebody changed the file. Take it from where it is kept.",
        )
    return _statement(envelope.payload, key.keyid, what)


def _statement(payload: bytes, keyid: str, what: str) -> Verified:
    message = Message()
    try:
        json_format.Parse(payload, message)
        statement = Statement.copy_from_pb(message)
        statement.validate()
    except (json_format.ParseError, ValueError, UnicodeDecodeError, RecursionError) as error:
        raise GateError(f"{what} is signed, but holds no in-toto statement v1: {error}") from error
    subjects: dict[str, str] = {}
    for one in message.subject:
        digest = dict(one.digest).get("sha256", "")
        if one.name in subjects or not digest:
            raise GateError(f"{what} names {one.name!r} twice, or without a SHA-256.")
        subjects[one.name] = digest
    predicate: dict[str, Any] = _whole(json_format.MessageToDict(message.predicate))
    return Verified(message.predicate_type, predicate, subjects, keyid)


def _whole(value: Any) -> Any:
    """Whole numbers as such again: protobuf's Struct makes every number a float."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
