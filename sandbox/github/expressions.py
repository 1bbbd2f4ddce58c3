"""Evaluates the `${{ }}` expressions whose value is known before a job starts.

Source: GitHub's "Evaluate expressions in workflows and actions". What only a running job knows
(`needs`, `steps`, `secrets`, `env`, `hashFiles`) raises Unknown: the caller says so, and guesses nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))
    | (?P<name>[A-Za-z_][\w-]*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|[!<>()\[\].,])
    )""",
    re.VERBOSE,
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}


class Unknown(Exception):  # noqa: N818 - it is an answer, not a fault
    """The value of an expression is known only while the job runs; the text says which part."""


def interpolate(text: str, contexts: Mapping[str, Any]) -> str:
    """Put values in the place of each `${{ }}` of `text`. Raises Unknown."""
    return _EXPRESSION.sub(lambda found: as_text(evaluate(found.group(1), contexts)), text)


def value(text: str, contexts: Mapping[str, Any]) -> Any:
    """As `interpolate`, but a text that is one expression alone keeps its value's type."""
    whole = re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", text, re.DOTALL)
    return evaluate(whole.group(1), contexts) if whole else interpolate(text, contexts)


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression (without its `${{ }}`). Raises Unknown, also for what can't be parsed."""
    parser = _Parser(_tokens(expression), contexts, expression.strip())
    result = parser.either()
    parser.end()
    return result


def as_text(found: Any) -> str:
    """How GitHub writes a value into text."""
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return str(found) if not isinstance(found, Mapping | list) else "Object"


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, at, text = [], 0, expression.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or found.lastgroup is None:
            raise Unknown(f"`{text}` can't be parsed at `{text[at:]}`")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        at = found.end()
    return tokens


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()  # GitHub compares text without regard to case
    if type(left) is type(right):
        return bool(left == right)
    return _number(left) == _number(right)


def _number(found: Any) -> float:
    if found is None or found == "":
        return 0.0
    try:
        return float(found)
    except (TypeError, ValueError):
        return float("nan")


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_same(each, what) for each in where)
    return as_text(what).lower() in as_text(where).lower()


def _format(template: Any, *values: Any) -> str:
    text = re.sub(r"\{(\d+)\}", lambda found: as_text(values[int(found.group(1))]), as_text(template))
    return text.replace("{{", "{").replace("}}", "}")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda text, start: as_text(text).lower().startswith(as_text(start).lower()),
    "endswith": lambda text, end: as_text(text).lower().endswith(as_text(end).lower()),
    "format": _format,
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "<": lambda left, right: _number(left) < _number(right),
    ">": lambda left, right: _number(left) > _number(right),
    "<=": lambda left, right: _number(left) <= _number(right),
    ">=": lambda left, right: _number(left) >= _number(right),
}


class _Parser:
    """Recursive descent over the tokens: `||`, `&&`, comparison, `!`, then values."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], text: str) -> None:
        self.tokens = tokens
        self.contexts = contexts
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        found = self.peek()
        if not found or (wanted and found not in wanted):
            raise Unknown(f"`{self.text}` can't be parsed")
        self.at += 1
        return found

    def end(self) -> None:
        if self.at != len(self.tokens):
            raise Unknown(f"`{self.text}` can't be parsed at `{self.peek()}`")

    def either(self) -> Any:
        left = self.both()
        while self.peek() == "||":
            self.take()
            right = self.both()
            left = left or right
        return left

    def both(self) -> Any:
        left = self.compared()
        while self.peek() == "&&":
            self.take()
            right = self.compared()
            left = left and right
        return left

    def compared(self) -> Any:
        left = self.negated()
        while self.peek() in _COMPARE:
            left = _COMPARE[self.take()](left, self.negated())
        return left

    def negated(self) -> Any:
        if self.peek() == "!":
            self.take()
            return not self.negated()
        return self.single()

    def single(self) -> Any:
        if self.peek() == "(":
            self.take()
            found = self.either()
            self.take(")")
            return found
        if self.at >= len(self.tokens):
            raise Unknown(f"`{self.text}` ends too early")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(int(text, 16)) if "0x" in text else float(text)
        if kind != "name":
            raise Unknown(f"`{self.text}` can't be parsed at `{text}`")
        if self.peek() == "(":
            return self.call(text)
        if text.lower() in _LITERALS:
            return _LITERALS[text.lower()]
        return self.property(text)

    def call(self, name: str) -> Any:
        self.take("(")
        values = []
        while self.peek() != ")":
            values.append(self.either())
            if self.peek() == ",":
                self.take()
        self.take(")")
        if name.lower() not in _FUNCTIONS:
            raise Unknown(f"{name}() is known only while the job runs")
        try:
            return _FUNCTIONS[name.lower()](*values)
        except (TypeError, IndexError) as error:
            raise Unknown(f"`{self.text}`: {name}() got other arguments than it takes") from error

    def property(self, name: str) -> Any:
        if name not in self.contexts:
            raise Unknown(f"`{name}` is known only while the job runs")
        found: Any = self.contexts[name]
        while self.peek() in (".", "["):
            if self.take() == ".":
                key: Any = self.take()
            else:
                key = self.either()
                self.take("]")
            if isinstance(found, list) and isinstance(key, float):
                found = found[int(key)] if 0 <= int(key) < len(found) else None
            else:
                found = found.get(as_text(key)) if isinstance(found, Mapping) else None
        return found
