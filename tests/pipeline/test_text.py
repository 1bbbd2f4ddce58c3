"""Lines of output."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.text import for_log, one_line


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    """Whatever goes in, one line comes out, without a character that can't be seen."""
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert all(character.isprintable() or character == "\u3000" or character.isspace() for character in line)


def test_readable_text_stays() -> None:
    """Letters of any script, and marks, are left alone."""
    assert "Schlüssel 鍵 - «clé» 🔑" == one_line("  Schlüssel\n鍵 -\t«clé» 🔑 ")


def test_what_cannot_be_seen_is_shown() -> None:
    """Escape sequences and characters that turn text around are told by their code point."""
    assert r"\u001b[31mred \u202egnp.exe" == one_line("\x1b[31mred \u202egnp.exe")


@pytest.mark.parametrize("line", ["::error::x", "  ::stop-commands::x", "a ##[add-path]/x", "##[group]"])
def test_no_line_is_a_command(line: str) -> None:
    """A runner takes no line of output as a command: not at its start, not within."""
    safe = for_log(line)

    assert not safe.lstrip().startswith("::")
    assert "##[" not in safe


def test_other_lines_stay() -> None:
    """A line that is no command is left alone."""
    assert "a.py:1: high: x::y #[z]" == for_log("a.py:1: high: x::y #[z]")
