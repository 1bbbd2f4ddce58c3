"""Shell scripts of steps and files, as commands: enough to tell what is run, and whether it can fail."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_OPERATORS = ("&&", "||", ";", "|", "&", "|&", ";;", "(", ")")
_PREFIXES = {
    "exec",
    "command",
    "time",
    "sudo",
    "nice",
    "then",
    "do",
    "else",
    "!",
    "if",
    "while",
    "until",
    "{",
    "env",
}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One simple command: its words, the operators before and after it, and its row (from 0) in the script.

    `replaces` says that the shell becomes it (`exec`), so that a signal to the shell reaches it.
    """

    words: tuple[str, ...]
    row: int
    before: str
    after: str
    negated: bool = False
    replaces: bool = False

    @property
    def program(self) -> str:
        """The program's name, without its folder."""
        return self.words[0].rsplit("/", 1)[-1] if self.words else ""

    @property
    def _rest(self) -> tuple[str, ...]:
        """What follows `pipeline`; nothing where another program is called."""
        if self.program.startswith("python") and self.words[1:3] == ("-m", "pipeline"):
            return self.words[3:]
        return self.words[1:] if self.program == "pipeline" else ()

    @property
    def folder(self) -> str:
        """The folder that `pipeline` works on (-C); empty for the one where it is started."""
        return self._rest[1] if self._rest[:1] == ("-C",) and len(self._rest) > 1 else ""

    @property
    def pipeline(self) -> str:
        """The command of `pipeline` that this calls, such as `deploy`; empty when it calls another program."""
        rest = self._rest[2:] if self.folder else self._rest
        return next((word for word in rest if not word.startswith("-")), "")

    @property
    def arguments(self) -> Sequence[str]:
        """What follows the command of `pipeline`."""
        name = self.pipeline
        return self.words[self.words.index(name) + 1 :] if name else ()


def commands(script: str) -> Iterator[Command]:
    """The simple commands of a shell script, in order. Rows that no shell could read are split at blanks."""
    for number, row in _rows(script):
        words: list[str] = []
        before = ""
        for token in [*_tokens(row), None]:
            if token is not None and token not in _OPERATORS:
                words.append(token)
                continue
            if words:
                found, prefixes = _bare(words)
                if found:
                    negated, replaces = "!" in prefixes, prefixes in (["exec"], ["exec", "env"])
                    yield Command(tuple(found), number, before, token or "", negated, replaces)
            words, before = [], token or before


def _bare(words: list[str]) -> tuple[list[str], list[str]]:
    """A command without what a shell puts before it, and what that was: keywords; assignments are left out."""
    rest, prefixes = list(words), []
    while rest and (rest[0] in _PREFIXES or _ASSIGNMENT.fullmatch(rest[0])):
        word = rest.pop(0)
        prefixes += [word] if word in _PREFIXES else []
    return rest, prefixes


def _rows(script: str) -> Iterator[tuple[int, str]]:
    """Rows with continuations joined, comments left out, each with the number of its first row."""
    joined, start = "", 0
    for number, row in enumerate(script.splitlines()):
        if not joined:
            start = number
        joined += row
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        if joined.strip() and not joined.lstrip().startswith("#"):
            yield start, joined
        joined = ""
    if joined.strip():
        yield start, joined


def _tokens(row: str) -> list[str]:
    # An expression of a workflow isn't shell; its blanks must not part it.
    held = re.sub(r"\$\{\{.*?\}\}", lambda found: re.sub(r"[\s'\"|&;()]", "\x00", found[0]), row)
    reader = shlex.shlex(held, posix=True, punctuation_chars="|&;()")
    reader.whitespace_split = True
    reader.commenters = "#"
    try:
        return list(reader)
    except ValueError:
        return held.split()
