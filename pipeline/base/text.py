"""Hostile text made fit for a line of output: what is quoted may come from a stranger's pull request."""

import hashlib
import io
import json
import re
import unicodedata
from typing import Any, TextIO

# Unicode's control, format (some turn text around), surrogate, private and unassigned characters, and line ends.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LONGEST_LABEL = 120  # characters


def one_line(text: str) -> str:
    """The text on one line: blanks and line ends become a blank, what can't be seen its code point.

    So a text can't begin a line of its own, colour a terminal, turn its direction around, or break an XML
    document (XML 1.0, 2.2, has no place for most control characters).
    """
    plain = re.sub(r"\s+", " ", text).strip()
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(_seen(character) for character in plain)


def label(text: str) -> str:
    """The text as a name: on one line, never empty, and short; of a longer one its beginning and its digest."""
    line = one_line(text) or '""'
    if len(line) <= _LONGEST_LABEL:
        return line
    digest = hashlib.sha256(line.encode()).hexdigest()[:12]
    return f"{line[: _LONGEST_LABEL - len(digest) - 2].rstrip()}… {digest}"


def visible(text: str) -> str:
    """The text with its blanks and line ends as they are; anything else that can't be seen shows as its code point."""
    if text.isprintable():
        return text
    return "".join(one if one in "\t\n" else _seen(one) for one in text)


def _seen(character: str) -> str:
    return f"\\u{ord(character):04x}" if unicodedata.category(character) in _UNSEEN else character


def for_log(line: str) -> str:
    """A line for a job's log: a runner takes `##[` anywhere in it, and `::` at its start, as a command.

    Source: ActionCommand in https://github.com/actions/runner
    """
    line = line.replace("##[", "# #[")
    return f"\\{line}" if line.lstrip().startswith("::") else line


def shown(text: str) -> str:
    """A text of several lines, each of them fit for a terminal and for a job's log."""
    return "\n".join(for_log(visible(line)) for line in text.split("\n"))


class Shown(io.TextIOBase):
    """An output on which nothing is a command to a terminal or to a runner, whoever wrote what is printed."""

    def __init__(self, unfiltered: TextIO) -> None:
        self.unfiltered = unfiltered
        self._begun = False  # whether something stands on the last line

    def write(self, text: str) -> int:
        """Write what `shown` makes of the text; one that goes on with a line isn't at the line's start."""
        first, *others = text.split("\n")
        beginning = visible(first).replace("##[", "# #[") if self._begun else shown(first)
        self.unfiltered.write("\n".join([beginning, *map(shown, others)]))
        self._begun = bool(others[-1]) if others else self._begun or bool(first)
        return len(text)

    def flush(self) -> None:
        """As of the output behind."""
        self.unfiltered.flush()

    def isatty(self) -> bool:
        """As of the output behind."""
        return self.unfiltered.isatty()


def unfiltered(out: TextIO) -> TextIO:
    """The output behind: for the commands that this program itself gives a runner."""
    return out.unfiltered if isinstance(out, Shown) else out


def as_json(document: Any, *, sort_keys: bool = False) -> str:
    """A document as JSON in ASCII that `Shown` leaves as it is: `##[` anywhere in it is written otherwise."""
    return json.dumps(document, indent=2, sort_keys=sort_keys).replace("##[", "#\\u0023[")
