"""Looks for values in anything that came out, whatever they were wrapped in on the way."""

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus

_DEEPEST = 5  # archives within archives
_LARGEST = 256 * 1024 * 1024  # bytes that one member may unpack to


class Needles:
    """Values, each by its name, in every form in which they might be written."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.forms: dict[bytes, str] = {}
        for name, value in values.items():
            for form, written in _forms(value):
                self.forms.setdefault(written, f"{name}, {form}")

    def found(self, data: bytes, depth: int = 0) -> Iterator[str]:
        """What is in it, its members and theirs included, each with its form and the way to it."""
        yield from (said for written, said in self.forms.items() if written in data)
        if depth < _DEEPEST:
            for way, member in _members(data):
                yield from (f"{said}, in {way}" for said in self.found(member, depth + 1))


def _forms(value: str) -> Iterator[tuple[str, bytes]]:
    plain = value.encode()
    yield "as it is", plain
    yield "reversed", value[::-1].encode()
    yield "reversed, byte by byte", plain[::-1]
    yield "reversed and JSON-escaped", json.dumps(value[::-1])[1:-1].encode()
    yield "UTF-16", value.encode("utf-16-le")
    yield "hex", plain.hex().encode()
    yield "hex in capitals", plain.hex().upper().encode()
    yield "URL-encoded", quote(value, safe="").encode()
    yield "URL-encoded in lower case", _lower(quote(value, safe="")).encode()
    yield "form-encoded", quote_plus(value).encode()
    yield "percent-encoded, every byte", "".join(f"%{byte:02X}" for byte in plain).encode()
    escaped = json.dumps(value)[1:-1]
    yield "JSON-escaped", escaped.encode()
    yield "JSON-escaped, letters as they are", json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield "JSON-escaped twice", json.dumps(escaped)[1:-1].encode()
    yield "HTML-escaped", html.escape(value).encode()
    for skipped in range(3):
        # What stands before and after changes the first and the last letters: those are left out.
        whole = base64.b64encode(b"\0" * skipped + plain).rstrip(b"=")
        core = (
            whole[-(-skipped * 4 // 3) :]
            if (skipped + len(plain)) % 3 == 0
            else whole[-(-skipped * 4 // 3) : -1]
        )
        yield "base64", core
        yield "base64 for URLs", core.replace(b"+", b"-").replace(b"/", b"_")


def _lower(text: str) -> str:
    """The same with the digits of %XX in lower case."""
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What a compressed file or an archive holds. What only looks like one holds nothing."""
    for way, magic, opened in _KINDS:
        if data.startswith(magic):
            try:
                yield from ((f"{way} {name}".rstrip(), member) for name, member in opened(data))
            except (
                OSError,
                EOFError,
                ValueError,
                zlib.error,
                lzma.LZMAError,
                zipfile.BadZipFile,
                tarfile.TarError,
            ):
                continue
    if data[257:262] == b"ustar":
        yield from _tar(data)


def _zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if entry.file_size <= _LARGEST:
                yield entry.filename, archive.read(entry)


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            if file is not None:
                yield f"tar {entry.name}", file.read(_LARGEST)


def _one(unpack: Callable[[bytes], bytes]) -> Callable[[bytes], Iterator[tuple[str, bytes]]]:
    return lambda data: iter([("", unpack(data))])


_KINDS: tuple[tuple[str, bytes, Callable[[bytes], Iterator[tuple[str, bytes]]]], ...] = (
    ("gzip", b"\x1f\x8b", _one(gzip.decompress)),
    ("zip", b"PK\x03\x04", _zip),
    ("zlib", b"\x78", _one(lambda data: zlib.decompressobj().decompress(data, _LARGEST))),
    ("bzip2", b"BZh", _one(bz2.decompress)),
    ("xz", b"\xfd7zXZ", _one(lzma.decompress)),
)
