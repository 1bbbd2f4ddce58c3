"""The condition operators of IAM.

Source: "IAM JSON policy elements: Condition operators" and "Multivalued context keys" in the IAM User Guide.
"""

import datetime as dt
import ipaddress
from collections.abc import Callable, Mapping, Sequence

from pipeline.iam.matching import arn_like, like

type Compare = Callable[[str, str], bool]  # the request's value, the policy's value


def _folded(value: str, expected: str) -> bool:
    return value.lower() == expected.lower()


def _number(test: Callable[[float, float], bool]) -> Compare:
    def compare(value: str, expected: str) -> bool:
        try:
            return test(float(value), float(expected))
        except ValueError:
            return False

    return compare


def _date(test: Callable[[float, float], bool]) -> Compare:
    def compare(value: str, expected: str) -> bool:
        try:
            return test(_seconds(value), _seconds(expected))
        except ValueError:
            return False

    return compare


def _seconds(text: str) -> float:
    """Seconds since 1970 of a W3C date or of a number. Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        found = dt.datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()


def _address(value: str, expected: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(expected, strict=False)
    except ValueError:
        return False


_AFFIRMATIVE: Mapping[str, Compare] = {
    "stringequals": str.__eq__,
    "stringequalsignorecase": _folded,
    "stringlike": like,
    "numericequals": _number(lambda a, b: a == b),
    "numericlessthan": _number(lambda a, b: a < b),
    "numericlessthanequals": _number(lambda a, b: a <= b),
    "numericgreaterthan": _number(lambda a, b: a > b),
    "numericgreaterthanequals": _number(lambda a, b: a >= b),
    "dateequals": _date(lambda a, b: a == b),
    "datelessthan": _date(lambda a, b: a < b),
    "datelessthanequals": _date(lambda a, b: a <= b),
    "dategreaterthan": _date(lambda a, b: a > b),
    "dategreaterthanequals": _date(lambda a, b: a >= b),
    "bool": _folded,
    "binaryequals": str.__eq__,
    "ipaddress": _address,
    "arnequals": arn_like,
    "arnlike": arn_like,
}
# Each negates the other: it holds when none of the policy's values compares.
_NEGATED: Mapping[str, str] = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}


class UnknownOperatorError(ValueError):
    """An operator that IAM doesn't know; the text is its name."""


def holds(operator: str, value: Sequence[str] | None, expected: Sequence[str]) -> bool:
    """Whether a condition `operator: {key: expected}` holds for the request's values of the key.

    `value` is None where the request has no such key. Names are compared without regard to case, as IAM does.
    Raises UnknownOperatorError.
    """
    name = operator.lower()
    if name == "null":
        return (not value) == (bool(expected) and expected[0].lower() == "true")
    qualifier, _, rest = name.rpartition(":")
    optional = rest.endswith("ifexists")
    base = rest.removesuffix("ifexists")
    negated = base in _NEGATED
    compare = _AFFIRMATIVE.get(_NEGATED.get(base, base))
    if compare is None or qualifier not in ("", "forallvalues", "foranyvalue"):
        raise UnknownOperatorError(operator)

    def one(each: str) -> bool:
        return any(compare(each, other) for other in expected) != negated

    if not value:  # a key that the request lacks
        return optional or qualifier == "forallvalues" or (negated and not qualifier)
    if qualifier == "foranyvalue":
        return any(one(each) for each in value)
    return all(one(each) for each in value)
