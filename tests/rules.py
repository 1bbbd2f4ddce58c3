"""The rules of the gate as they are, loaded once for all tests that a process collects."""

from pipeline.base.run import CHECKOUT
from pipeline.gate.rules import Rule, load

RULES = load(CHECKOUT / "policies")


def rule(name: str) -> Rule:
    """The rule of an id."""
    return next(one for one in RULES if one.id == name)
