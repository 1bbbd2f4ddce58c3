"""What patterns of IAM policies take in.

Source: "IAM JSON policy elements" (Action, Resource, Condition operators, Variables and tags) in the IAM User Guide.
"""

import fnmatch
import re
from typing import Any

# What isn't a character by itself; ${*}, ${?} and ${$} stand for the characters that they hold.
_SIGN = re.compile(r"\$\{([*?$])\}|[\[*?]")
_ANY, _ONE = "\ue000", "\ue001"  # of Unicode's private use: no policy holds them


def texts(value: Any) -> list[str]:
    """One value or a list of them as texts; a truth value is written as JSON writes it."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return [
        one if isinstance(one, str) else str(one).lower() if isinstance(one, bool) else str(one)
        for one in listed
    ]


def like(text: str, pattern: str) -> bool:
    """Whether a pattern with * (any text) and ? (one character) takes in a text; case counts."""
    return _fits(text, pattern, "?")


def _fits(text: str, pattern: str, one: str) -> bool:
    """`one` is what a ? of the pattern takes in, in the language of fnmatch."""
    signs = {"*": "*", "?": one, "[": "[[]"}

    def translated(found: re.Match[str]) -> str:
        literal = found[1]
        return signs[found[0]] if literal is None else "$" if literal == "$" else f"[{literal}]"

    return fnmatch.fnmatchcase(text, _SIGN.sub(translated, pattern))


def action_like(action: str, pattern: str) -> bool:
    """Whether a pattern of actions takes in an action: prefix and name are the same in any case."""
    return like(action.lower(), pattern.lower())


def arn_like(arn: str, pattern: str) -> bool:
    """Whether a condition's ARN pattern takes in an ARN: a wildcard stays within one of the six parts; one alone is
    every ARN."""
    if pattern == "*":
        return True
    values, patterns = arn.split(":", 5), pattern.split(":", 5)
    if len(values) != 6 or len(patterns) != 6:
        return False
    return all(like(one, other) for one, other in zip(values, patterns, strict=True))


def includes(wide: str, narrow: str) -> bool:
    """Whether a pattern takes in all that another takes in; false also where that can't be seen sign by sign."""
    drawn = _SIGN.sub(lambda found: found[1] or {"*": _ANY, "?": _ONE}.get(found[0], found[0]), narrow)
    return _fits(drawn, wide, f"[!{_ANY}]")
