"""A value is found whatever it was wrapped in, and nothing is found where nothing is."""

import base64
import gzip
import html
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from tests.proofs.needles import Needles

VALUE = 'pä"ss wo/rd+<&9\\x'
NEEDLES = Needles({"password": VALUE})


def _zip(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b", data)
    return made.getvalue()


def _tar(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        entry = tarfile.TarInfo("a/b")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "reversed": lambda data: data[::-1],
    "hex": lambda data: data.hex().encode(),
    "capital hex": lambda data: data.hex().upper().encode(),
    "URL": lambda data: quote(data, safe="").encode(),
    "form": lambda data: quote_plus(data.decode()).encode(),
    "JSON": lambda data: json.dumps({"x": data.decode()}).encode(),
    "JSON in JSON": lambda data: json.dumps({"x": json.dumps({"y": data.decode()})}).encode(),
    "HTML": lambda data: html.escape(data.decode()).encode(),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zip": _zip,
    "tar": _tar,
    "zip in tar in gzip": lambda data: _tar(_zip(data)),
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_a_value_is_found_in(wrapped: Callable[[bytes], bytes]) -> None:
    """In this form, and not when it is another value."""
    assert list(NEEDLES.found(wrapped(VALUE.encode())))
    assert not list(NEEDLES.found(wrapped(b"another password")))


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_wherever_it_begins(
    before: int, after: int, encode: Callable[[bytes], bytes]
) -> None:
    """Three places within a group of letters, with any neighbours."""
    assert list(NEEDLES.found(encode(b"<" * before + VALUE.encode() + b">" * after)))
    assert not list(NEEDLES.found(encode(b"<" * before + b"another password" + b">" * after)))


def test_what_only_looks_like_an_archive_is_searched_as_it_is() -> None:
    """A broken archive is no error, and what stands in it is seen."""
    for magic in (b"\x1f\x8b", b"PK\x03\x04", b"\x78", b"BZh", b"\xfd7zXZ"):
        assert ["password, as it is"] == list(NEEDLES.found(magic + VALUE.encode()))
