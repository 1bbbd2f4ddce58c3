"""Signed statements: what is read is what was signed, by the key that is trusted, or a reason."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.evidence import envelope
from pipeline.evidence.envelope import KmsSigner
from tests.pipeline.cloud import Cloud

SUBJECTS = {"app.zip": "a" * 64, "manifest.json": "b" * 64}
TYPE = "https://example.com/type"


@pytest.fixture
def by(cloud: Any) -> KmsSigner:
    return envelope.signer(cloud, "alias/dev")


def signed(by: KmsSigner, predicate: dict[str, Any] | None = None) -> bytes:
    return envelope.sign(
        by, SUBJECTS, TYPE, predicate or {"count": 1, "text": "ü", "nested": {"list": [1, "a"]}}
    )


def test_what_was_signed_is_read(by: KmsSigner) -> None:
    """Subjects, type and predicate come back as they were."""
    found = envelope.verify(signed(by), by.public_key, "it")

    assert (TYPE, SUBJECTS) == (found.predicate_type, dict(found.subjects))
    assert {"count": 1, "text": "ü", "nested": {"list": [1, "a"]}} == found.predicate
    assert isinstance(found.predicate["count"], int)


def test_it_is_dsse_over_in_toto(by: KmsSigner) -> None:
    """Other tools can read it: payload type, statement type, one signature."""
    data = json.loads(signed(by))
    payload = json.loads(base64.b64decode(data["payload"]))

    assert "application/vnd.in-toto+json" == data["payloadType"]
    assert "https://in-toto.io/Statement/v1" == payload["_type"]
    assert [by.public_key.keyid] == [one["keyid"] for one in data["signatures"]]


@pytest.mark.parametrize("at", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_one_changed_byte_is_refused(by: KmsSigner, at: float) -> None:
    """Wherever in the payload it is."""
    data = json.loads(signed(by))
    payload = bytearray(base64.b64decode(data["payload"]))
    payload[int(len(payload) * at)] ^= 1
    data["payload"] = base64.b64encode(payload).decode()

    with pytest.raises(
        GateError, match=r"is not signed by the key \w+, which it names: what it says was changed"
    ):
        envelope.verify(json.dumps(data).encode(), by.public_key, "it")


def _spare_bit(raw: bytes) -> bytes:
    """The last letter before base64's padding with a bit changed that no byte takes."""
    place = raw.index(b"=") - 1
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return raw[:place] + letters[letters.index(raw[place]) ^ 1 :][:1] + raw[place + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        _spare_bit,
        lambda raw: raw + b"\n",
        lambda raw: raw.replace(b'{"payload":', b'{"payload":"","payload":'),
        lambda raw: raw.replace(b'{"payload":', b'{"note":"approved","payload":'),
    ],
    ids=["spare bit", "line end", "key twice", "key more"],
)
def test_what_is_written_in_another_way_is_refused(by: KmsSigner, change: Callable[[bytes], bytes]) -> None:
    """Though the payload is what was signed: of one statement there is one file."""
    texts = (signed(by, {"text": "x" * length}) for length in range(9))
    raw = next(text for text in texts if b"=" in text)

    assert envelope.verify(raw, by.public_key, "it").predicate
    with pytest.raises(GateError, match="written in another way"):
        envelope.verify(change(raw), by.public_key, "it")


def test_another_key_is_refused(by: KmsSigner) -> None:
    """Also when it claims the trusted key's name."""
    other = envelope.signer(Cloud(), "alias/dev")  # type: ignore[arg-type]
    raw = signed(other)
    renamed = raw.replace(other.public_key.keyid.encode(), by.public_key.keyid.encode())

    for one, why in (
        (raw, f"; its signatures are of {other.public_key.keyid}"),
        (renamed, ", which it names"),
    ):
        with pytest.raises(GateError, match=f"is not signed by the key {by.public_key.keyid}{why}"):
            envelope.verify(one, by.public_key, "it")


def test_another_payload_type_is_refused(by: KmsSigner) -> None:
    """A signature over something that is no statement can't be passed off as one."""
    data = json.loads(signed(by))
    data["payloadType"] = "text/plain"

    with pytest.raises(GateError, match="holds 'text/plain'"):
        envelope.verify(json.dumps(data).encode(), by.public_key, "it")


Damage = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: [],
        lambda data: None,
        lambda data: "text",
        lambda data: {},
        lambda data: {**data, "payload": 7},
        lambda data: {**data, "payload": "***"},
        lambda data: {**data, "signatures": None},
        lambda data: {**data, "signatures": "x"},
        lambda data: {**data, "signatures": []},
        lambda data: {**data, "signatures": [{}]},
        lambda data: {**data, "signatures": [{"keyid": 1, "sig": 2}]},
        lambda data: {**data, "signatures": data["signatures"] * 2},
        lambda data: {**data, "signatures": [{**data["signatures"][0], "sig": ""}]},
        lambda data: {**data, "signatures": [{**data["signatures"][0], "sig": "AAAA"}]},
    ],
)
def test_a_hostile_envelope_is_refused(by: KmsSigner, damage: Damage) -> None:
    """Wrong types, missing parts, repeated and empty signatures: a reason, not a traceback."""
    raw = json.dumps(damage(json.loads(signed(by)))).encode()

    with pytest.raises(GateError, match=r"^it "):
        envelope.verify(raw, by.public_key, "it")


@pytest.mark.parametrize("raw", [b"", b"\xff", b"{", b"[" * 100_000, b" " * (envelope.LARGEST + 1)])
def test_what_is_no_json_is_refused(by: KmsSigner, raw: bytes) -> None:
    """Truncated, binary, nested too deep, too large."""
    with pytest.raises(GateError, match=r"^it "):
        envelope.verify(raw, by.public_key, "it")


@pytest.mark.parametrize(
    "statement",
    [
        {},
        [],
        {"_type": "https://in-toto.io/Statement/v0.1", "subject": [], "predicateType": TYPE, "predicate": {}},
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [],
            "predicateType": TYPE,
            "predicate": {"a": 1},
        },
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": "1"}}, {"name": "a", "digest": {"sha256": "2"}}],
            "predicateType": TYPE,
            "predicate": {"a": 1},
        },
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"md5": "1"}}],
            "predicateType": TYPE,
            "predicate": {"a": 1},
        },
    ],
)
def test_a_signed_statement_of_another_shape_is_refused(by: KmsSigner, statement: Any) -> None:
    """A good signature doesn't make a statement good: other versions, no subject, a subject twice, no SHA-256."""
    from securesystemslib.dsse import Envelope

    made = Envelope(canonical(statement), envelope.PAYLOAD, {})
    made.sign(by)

    with pytest.raises(GateError, match=r"^it "):
        envelope.verify(canonical(made.to_dict()), by.public_key, "it")


def test_a_key_in_each_form_is_the_same(cloud: Cloud) -> None:
    """PEM for an auditor, base64 as AWS's command line prints it, DER as the SDK gives it."""
    der = cloud.get_public_key()["PublicKey"]
    pem = (
        serialization.load_der_public_key(der)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    forms = [der, base64.b64encode(der).decode(), pem]

    assert 1 == len({envelope.public_key(form).keyid for form in forms})


def _der(key: Any) -> bytes:
    found: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found


@pytest.mark.parametrize(
    "data",
    [
        "",
        "no key",
        b"\0",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        _der(rsa.generate_private_key(65537, 2048)),
        _der(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "text", "binary", "empty PEM", "RSA", "another curve"],
)
def test_a_key_of_another_kind_is_refused(data: bytes | str) -> None:
    """Not a key, RSA, another curve."""
    with pytest.raises(ConfigurationError):
        envelope.public_key(data)
