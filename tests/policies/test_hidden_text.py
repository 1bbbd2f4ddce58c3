"""Characters that a reviewer can't see: each is a finding in any text, and no letter of any script is one."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.gate.engines import own
from pipeline.source.project import Project
from tests.rules import rule

ROOT = Path(__file__).parents[2]
RULE = rule("hidden_text")
# The controls of bidirectional text: table 4 of UAX #9, and what rustc refuses for CVE-2021-42574
# (text_direction_codepoint_in_comment): https://doc.rust-lang.org/rustc/lints/listing/deny-by-default.html
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSEEN = "\u200b\u200e\u200f\u061c\u2060\u2062\ufeff\u00ad\u180e\u3164\uffa0\U000e0041\u2028\u2029\x85\x1b\x00\x08\x9b"


def told(files: Mapping[str, bytes]) -> list[tuple[str, int]]:
    return [(one.file, one.line) for one in own.apply(RULE, Project(ROOT, files))]


@pytest.mark.parametrize("character", [*BIDI, *UNSEEN], ids=lambda one: f"U+{ord(one):04X}")
@pytest.mark.parametrize(
    "file", ["app/x.py", "template.yaml", ".github/workflows/x.yml", "README.md", "Makefile", "x"]
)
def test_a_hidden_character_is_told_at_its_line(character: str, file: str) -> None:
    """Whatever the file is called, and wherever in the line it stands."""
    for row in (f"a{character}b", f"{character}ab", f"ab {character}"):
        assert [(file, 2)] == told({file: f"one\n{row}\nthree\n".encode()})


def test_the_nine_are_those_of_unicode() -> None:
    """Embeddings, overrides, isolates, and their ends, by Python's copy of Unicode's data."""
    assert {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"} == {
        unicodedata.bidirectional(one) for one in BIDI
    }


@pytest.mark.parametrize(
    "text",
    [
        "Größe, naïve, Ærø, œuvre, Łódź, ğüş",
        "鍵 かぎ カギ 열쇠 ключ κλειδί चाबी กุญแจ",
        "مفتاح עברית: 5 > 3",
        "می\u200cخواهم क्\u200dष",  # noqa: RUF001 - Persian, and no mistake
        "\U0001f469\u200d\U0001f4bb 1\ufe0f\u20e3 ❤\ufe0f 葛\U000e0100",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "a\u00a0b “quoted” … → ✓ €",
        "tab\there\x0c",
        "e\u0301",
    ],
)
def test_what_people_write_passes(text: str) -> None:
    """Letters, marks, emoji and blanks of any script, a mark at the file's start, and the line ends of Windows."""
    assert [] == told(
        {"a.md": text.encode(), "b.md": f"\ufeff{text}\r\n".encode(), "c.md": text.encode("utf-16")}
    )


@pytest.mark.parametrize(
    "text",
    [
        "nam\u200de",
        "x\u200c = 1",
        "# one\rimport os",
        "x\ufe00\ufe01\ufe02",
        "\u200d",
        "\U0001f3f4\U000e0067x",
    ],
)
def test_what_carries_or_hides_something_is_told(text: str) -> None:
    """Joiners of ASCII, a return that begins a line for Python alone, and runs of what only chooses a form."""
    assert [("app/x.py", 1)] == told({"app/x.py": f"{text}\n".encode()})


def test_another_encoding_hides_nothing() -> None:
    """UTF-16, and bytes that are no UTF-8 around it."""
    files = {"a.txt": "one\ntwo \u202e\n".encode("utf-16"), "b.txt": b"caf\xe9\n\xe2\x80\xae\n"}

    assert [("a.txt", 2), ("b.txt", 2)] == told(files)


def test_what_is_no_text_is_left_alone() -> None:
    """A picture."""
    assert [] == told({"a.png": b"\x89PNG\r\n\x1a\n\x00\x00\xff\x1b"})
