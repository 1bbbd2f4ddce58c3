"""Shell scripts that are plain enough to be known whole; what isn't is refused, never guessed at.

Source: "Shell Command Language" of POSIX.1-2024, and Bash's manual where that goes beyond it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*|[0-9?#])|\{([A-Za-z_]\w*)\})")
_ENDS = ";&|\n"


@dataclass(frozen=True)
class Call:
    """One command: its words, the files that it is told to write, and its row (from 0) in the script.

    Quotes are gone from the words. A variable in double quotes reads ${NAME}, one without $NAME; a command
    substitution reads $(), and what stands in it is a call of its own.
    """

    words: tuple[str, ...]
    row: int
    writes: tuple[str, ...] = ()


class NotPlainError(Exception):
    """A form whose meaning can't be known from the text alone: what it is, and its row (from 0)."""

    def __init__(self, what: str, row: int) -> None:
        super().__init__(what)
        self.what = what
        self.row = row


def calls(script: str, expressions: Collection[str] = ()) -> list[Call]:
    """Every command that a script may run, in the order of their ends. `expressions` are those of a workflow
    whose value is one harmless word. Raises NotPlainError."""
    for expression in _EXPRESSION.finditer(script):
        if expression[1] not in expressions:
            raise NotPlainError(f"${{{{ {expression[1]} }}}}", script.count("\n", 0, expression.start()))
    reader = _Reader(_EXPRESSION.sub("0", script))
    reader.commands(nested=False)
    return reader.calls


class _Reader:
    """Reads a script from its start to its end; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.calls: list[Call] = []

    @property
    def row(self) -> int:
        return self.text.count("\n", 0, self.at)

    def refuse(self, what: str) -> NotPlainError:
        return NotPlainError(what, self.row)

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def commands(self, *, nested: bool) -> None:
        """Commands up to the end, or with `nested` up to the parenthesis that closes a substitution."""
        words: list[str] = []
        writes: list[str] = []
        start = self.row
        while True:
            self._blanks()
            following = self.peek()
            if following == "" or following in _ENDS or (nested and following == ")"):
                if words or writes:
                    self.calls.append(Call(tuple(words), start, tuple(writes)))
                words, writes = [], []
                if nested and not following:
                    raise self.refuse("$( without its end")
                if following in ("", ")"):
                    return
                self.at += 1
            elif following == "#":
                end = self.text.find("\n", self.at)
                self.at = end if end >= 0 else len(self.text)
            elif following == "<":
                raise self.refuse("<<" if self.peek(2) == "<<" else "<")
            elif following == ">":
                writes += self._redirection()
            else:
                start = start if words else self.row
                word = self._word()
                if not (word.isdigit() and self.peek() in ("<", ">")):  # `2>` names a descriptor
                    words.append(word)

    def _blanks(self) -> None:
        while self.peek() in (" ", "\t") or self.peek(2) == "\\\n":
            self.at += 2 if self.peek() == "\\" else 1

    def _redirection(self) -> list[str]:
        """The file behind > or >>; none for another descriptor."""
        self.at += 2 if self.peek(2) in (">>", ">|", ">&") else 1
        copied = self.text[self.at - 1] == "&"
        self._blanks()
        target = self._word()
        if not target:
            raise self.refuse("> without a file")
        return [] if copied and (target.isdigit() or target == "-") else [target]

    def _word(self) -> str:
        """One word, its quotes removed."""
        parts: list[str] = []
        while following := self.peek():
            if following in " \t<>" or following in _ENDS or following == ")":
                if following == ")" and not parts:
                    raise self.refuse(")")
                break
            if following == "(":
                raise self.refuse("(")
            parts.append(self._part(following))
        return "".join(parts)

    def _part(self, following: str) -> str:
        if following == "'":
            end = self.text.find("'", self.at + 1)
            if end < 0:
                raise self.refuse("a quote without an end")
            text = self.text[self.at + 1 : end]
            self.at = end + 1
            return text
        if following == '"':
            return self._quoted()
        if following == "\\":
            escaped = self.text[self.at + 1 : self.at + 2]
            self.at += 2
            return "" if escaped == "\n" else escaped
        if following in "$`":
            return self._expansion(quoted=False)
        self.at += 1
        return following

    def _quoted(self) -> str:
        parts: list[str] = []
        self.at += 1
        while following := self.peek():
            if following == '"':
                self.at += 1
                return "".join(parts)
            if following in "$`":
                parts.append(self._expansion(quoted=True))
            elif following == "\\" and self.peek(2)[1:] in ("$", "`", '"', "\\", "\n"):
                parts.append("" if self.peek(2) == "\\\n" else self.peek(2)[1])
                self.at += 2
            else:
                parts.append(following)
                self.at += 1
        raise self.refuse("a quote without an end")

    def _expansion(self, *, quoted: bool) -> str:
        if self.peek() == "`":
            raise self.refuse("`")
        if variable := _VARIABLE.match(self.text, self.at):
            self.at = variable.end()
            name = variable[1] or variable[2]
            return f"${{{name}}}" if quoted else f"${name}"
        if self.peek(2) == "$(" and self.peek(3) != "$((":
            self.at += 2
            self.commands(nested=True)
            self.at += 1
            return "$()"
        if self.peek(2)[1:] in ("", " ", "\t", "\n", '"') and (quoted or self.peek(2) != '$"'):
            self.at += 1
            return "$"
        raise self.refuse(self.peek(3))
