"""Hostile text made fit for a line of output: what is quoted may come from a stranger's pull request."""

import re
import unicodedata

# Unicode's control, format (some turn text around), surrogate, private and unassigned characters, and line ends.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def one_line(text: str) -> str:
    """The text on one line: blanks and line ends become a blank, what can't be seen its code point.

    So a text can't begin a line of its own, colour a terminal, turn its direction around, or break an XML
    document (XML 1.0, 2.2, has no place for most control characters).
    """
    plain = re.sub(r"\s+", " ", text).strip()
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(_seen(character) for character in plain)


def _seen(character: str) -> str:
    return f"\\u{ord(character):04x}" if unicodedata.category(character) in _UNSEEN else character


def for_log(line: str) -> str:
    """A line for a job's log: a runner takes `##[` anywhere in it, and `::` at its start, as a command.

    Source: ActionCommand in https://github.com/actions/runner
    """
    line = line.replace("##[", "# #[")
    return f"\\{line}" if line.lstrip().startswith("::") else line
