"""GitHub's `${{ }}` expressions, evaluated as far as their parts are known before a job starts.

Source: GitHub's "Evaluate expressions in workflows and actions". What only a running job knows (`needs`, `steps`,
`secrets`, `env`, `hashFiles`) raises Unknown: the caller says so, and guesses nothing.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))
    | (?P<name>[A-Za-z_][\w-]*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|[!<>()\[\].,*])
    )""",
    re.VERBOSE,
)
# An expression ends at the first `}}` that stands in no text; one whose text has no end, at the first of all.
_EXPRESSION = re.compile(r"\$\{\{((?:'[^']*'|(?!\}\})[^'])*|.*?)\}\}", re.DOTALL)
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}


class Unknown(Exception):  # noqa: N818 - it is an answer, not a fault
    """The value of an expression is known only while the job runs; the text says which part."""


class Written(str):
    """A text whose expressions only the run knows, as it is written. One that is `filled` isn't empty."""

    filled: bool

    def __new__(cls, text: str, *, filled: bool = True) -> Self:
        made = super().__new__(cls, text)
        made.filled = filled
        return made


class Open(dict[str, Any]):
    """A context of which these keys are known; every other one is known only while the job runs."""


def interpolate(text: str, contexts: Mapping[str, Any]) -> str:
    """Put values in the place of each `${{ }}` of `text`. Raises Unknown."""
    return _EXPRESSION.sub(lambda found: _settled(found[1], evaluate(found[1], contexts)), text)


def partly(text: str, contexts: Mapping[str, Any]) -> str:
    """As `interpolate`, but what only the run knows stays as it is written."""

    def known(found: re.Match[str]) -> str:
        try:
            return as_text(evaluate(found[1], contexts))
        except Unknown:
            return found[0]

    return _EXPRESSION.sub(known, text)


def value(given: Any, contexts: Mapping[str, Any]) -> Any:
    """What a scalar of a workflow stands for: one that is one expression alone keeps that one's type.

    What only the run knows comes as Written.
    """
    if not isinstance(given, str):
        return given
    whole = _EXPRESSION.fullmatch(given.strip())
    try:
        return evaluate(whole[1], contexts) if whole else interpolate(given, contexts)
    except Unknown:
        return Written(partly(given, contexts))


def holds(written: Any, contexts: Mapping[str, Any]) -> bool | None:
    """Whether an `if` holds, with or without `${{ }}` around it; None when only the run knows."""
    if not isinstance(written, str):
        return True if written is None else _truthy(written)
    whole = _EXPRESSION.fullmatch(written.strip())
    try:
        if whole is None and _EXPRESSION.search(written):
            return True  # text beside an expression makes a text of the whole, and no such text is empty
        return _truth(_parsed(whole[1] if whole else written), contexts)
    except Unknown:
        return None


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression (without its `${{ }}`). Raises Unknown, also for what can't be parsed."""
    return _parsed(expression)(contexts)


def as_text(found: Any) -> str:
    """How GitHub writes a value into text."""
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return str(found) if not isinstance(found, Mapping | list) else "Object"


def _settled(expression: str, found: Any) -> str:
    if isinstance(found, Written):
        raise Unknown(f"`{expression.strip()}` is {found}, which is known only while the job runs")
    return as_text(found)


def _truthy(found: Any) -> bool:
    if isinstance(found, Written):
        raise Unknown(f"{found} is known only while the job runs")
    return bool(found) and not (isinstance(found, float) and math.isnan(found))


# -- evaluation --

type _Node = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class _Not:
    inner: _Node

    def __call__(self, contexts: Mapping[str, Any]) -> Any:
        return not _truthy(self.inner(contexts))


@dataclass(frozen=True)
class _Joined:
    """`&&` or `||`: the first value that decides, else the last; what stands behind it isn't looked at."""

    sides: list[_Node]
    decides: bool

    def __call__(self, contexts: Mapping[str, Any]) -> Any:
        for side in self.sides[:-1]:
            found = side(contexts)
            if _truthy(found) is self.decides:
                return found
        return self.sides[-1](contexts)


def _truth(node: _Node, contexts: Mapping[str, Any]) -> bool | None:
    """Whether a node's value is true, also where one side alone decides it; None when only the run knows."""
    if isinstance(node, _Not):
        inner = _truth(node.inner, contexts)
        return None if inner is None else not inner
    if isinstance(node, _Joined):
        sides = {_truth(side, contexts) for side in node.sides}
        return node.decides if node.decides in sides else None if None in sides else not node.decides
    try:
        return _truthy(node(contexts))
    except Unknown:
        return None


def _same(left: Any, right: Any) -> bool:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Written):
            if one.filled and other == "":
                return False
            raise Unknown(f"{one} is known only while the job runs")
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()  # GitHub compares text without regard to case
    if type(left) is type(right):
        return bool(left == right)
    return _number(left) == _number(right)


def _number(found: Any) -> float:
    if isinstance(found, Written):
        raise Unknown(f"{found} is known only while the job runs")
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


def _compared(operator: str, left: _Node, right: _Node) -> _Node:
    return lambda contexts: _COMPARE[operator](left(contexts), right(contexts))


def _literal(found: Any) -> _Node:
    return lambda contexts: found


def _called(name: str, arguments: list[_Node], text: str) -> _Node:
    def call(contexts: Mapping[str, Any]) -> Any:
        if name.lower() not in _FUNCTIONS:
            raise Unknown(f"{name}() is known only while the job runs")
        values = [argument(contexts) for argument in arguments]
        if unknown := [one for one in values if isinstance(one, Written)]:
            raise Unknown(f"{unknown[0]} is known only while the job runs")
        try:
            return _FUNCTIONS[name.lower()](*values)
        except (TypeError, IndexError) as error:
            raise Unknown(f"`{text}`: {name}() got other arguments than it takes") from error

    return call


def _looked_up(name: str, keys: list[_Node]) -> _Node:
    def look_up(contexts: Mapping[str, Any]) -> Any:
        if name.lower() not in contexts:
            raise Unknown(f"`{name}` is known only while the job runs")
        found = contexts[name.lower()]
        for key in keys:
            found = _item(found, key(contexts))
        return found

    return look_up


def _item(found: Any, key: Any) -> Any:
    """What a list or mapping holds; null for what isn't there. Names don't differ by case alone."""
    if isinstance(key, Written):
        raise Unknown(f"{key} is known only while the job runs")
    if isinstance(found, list) and isinstance(key, int | float) and not isinstance(key, bool):
        return found[int(key)] if 0 <= key < len(found) else None
    if not isinstance(found, Mapping):
        return None
    name = as_text(key)
    for one in (name, *(one for one in found if str(one).lower() == name.lower())):
        if one in found:
            return found[one]
    if isinstance(found, Open):
        raise Unknown(f"`{name}` is known only while the job runs")
    return None


# -- parsing --


@lru_cache(4096)
def _parsed(expression: str) -> _Node:
    parser = _Parser(_tokens(expression), expression.strip())
    result = parser.either()
    parser.end()
    return result


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, at, text = [], 0, expression.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or found.lastgroup is None:
            raise Unknown(f"`{text}` can't be parsed at `{text[at:]}`")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        at = found.end()
    return tokens


_DEEPEST = 50  # levels; GitHub's own limit (ExpressionConstants.MaxDepth of actions/runner)


class _Parser:
    """Recursive descent over the tokens: `||`, `&&`, comparison, `!`, then values."""

    def __init__(self, tokens: list[tuple[str, str]], text: str) -> None:
        self.tokens = tokens
        self.text = text
        self.at = 0
        self.depth = 0

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

    def either(self) -> _Node:
        sides = [self.both()]
        while self.peek() == "||":
            self.take()
            sides.append(self.both())
        return _Joined(sides, decides=True) if len(sides) > 1 else sides[0]

    def both(self) -> _Node:
        sides = [self.compared()]
        while self.peek() == "&&":
            self.take()
            sides.append(self.compared())
        return _Joined(sides, decides=False) if len(sides) > 1 else sides[0]

    def compared(self) -> _Node:
        left, before = self.negated(), self.depth
        while self.peek() in _COMPARE:
            self.deeper()
            left = _compared(self.take(), left, self.negated())
        self.depth = before
        return left

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unknown(f"`{self.text}` is nested deeper than GitHub allows")

    def negated(self) -> _Node:
        self.deeper()
        if self.peek() == "!":
            self.take()
            found: _Node = _Not(self.negated())
        else:
            found = self.single()
        self.depth -= 1
        return found

    def single(self) -> _Node:
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
            return _literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return _literal(float(int(text, 16)) if "0x" in text else float(text))
        if kind != "name":
            raise Unknown(f"`{self.text}` can't be parsed at `{text}`")
        if self.peek() == "(":
            return _called(text, self.arguments(), self.text)
        if text.lower() in _LITERALS:
            return _literal(_LITERALS[text.lower()])
        return _looked_up(text, self.keys())

    def arguments(self) -> list[_Node]:
        self.take("(")
        found: list[_Node] = []
        while self.peek() != ")":
            found.append(self.either())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return found

    def keys(self) -> list[_Node]:
        found: list[_Node] = []
        while self.peek() in (".", "["):
            if self.take() == ".":
                kind, name = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
                self.take()
                if kind != "name":  # such as the star of `labels.*.name`
                    raise Unknown(f"`{self.text}` can't be known before the job runs")
                found.append(_literal(name))
            else:
                found.append(self.either())
                self.take("]")
        return found
