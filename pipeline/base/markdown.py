"""Markdown in which a quoted text stays text."""

import re
from collections.abc import Sequence

from pipeline.base.text import one_line

# Each of these begins something in GitHub's Markdown: emphasis, code, math, links, HTML, tables, lists, addresses
# that become links by themselves, or the mention of a person or an issue.
_MARKS = re.compile(r"[\\`*_{}\[\]<>()#!|~&@:$]|(?<=www)\.|^[-+=]|^\d(?=\d{0,8}\.)", re.IGNORECASE)


def escape(text: str) -> str:
    """The text on one line, its marks as character references: they show, and begin nothing. What can't be seen
    shows as its code point.

    A reference can't be part of Markdown's structure (CommonMark 0.31, 2.5). GitHub looks for mentions after
    that, in what the references stand for: a zero-width space keeps them from being one.
    """
    return _MARKS.sub(_reference, one_line(text))


def _reference(match: re.Match[str]) -> str:
    mark = match[0]
    return f"&#{ord(mark)};" + ("&#8203;" if mark in "@#" else "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells are Markdown already, see `escape`."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def plain(text: str) -> str:
    """The text for viewers of Markdown in SARIF and OSCAL: marks behind a backslash."""
    return re.sub(r"([\\`*_{}\[\]<>()#!|~])", r"\\\1", " ".join(text.split()))
