"""The rules by control: what each rule says of itself, turned around."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.rules import FRAMEWORKS, Rule
from pipeline.report.evidence import Evidence

# The worst outcome of a control's rules is the control's.
_ORDER = ("failed", "not judged", "waived", "passed")


@dataclass(frozen=True)
class Control:
    """One control of a framework, what it is about, and the rules that look after it with their outcomes."""

    framework: str
    number: str
    title: str
    rules: tuple[tuple[Rule, str], ...]

    @property
    def outcome(self) -> str:
        return min((outcome for _, outcome in self.rules), key=_ORDER.index)


def by_framework(evidence: Evidence) -> dict[str, tuple[Control, ...]]:
    """The controls of every framework by its key (NIST, CIS, FSBP, OWASP), in the order of their numbers."""
    outcomes = {rule.id: evidence.outcome(rule) for rule in evidence.rules}
    groups: dict[str, list[Rule]] = defaultdict(list)
    for rule in evidence.rules:
        for control in dict.fromkeys(rule.controls):
            groups[control].append(rule)
    found = [
        _control(control, tuple((rule, outcomes[rule.id]) for rule in rules))
        for control, rules in groups.items()
    ]
    return {key: _sorted(one for one in found if one.framework == key) for key in FRAMEWORKS}


@cache
def titles() -> dict[str, dict[str, str]]:
    """What each control is about, by framework and number: policies/controls.toml."""
    data: dict[str, dict[str, str]] = tomllib.loads(
        (CHECKOUT / "policies/controls.toml").read_text(encoding="utf-8")
    )
    return data


def _control(name: str, rules: tuple[tuple[Rule, str], ...]) -> Control:
    framework, _, number = name.partition(" ")
    return Control(framework, number, titles().get(framework, {}).get(number, ""), rules)


def _sorted(controls: Iterable[Control]) -> tuple[Control, ...]:
    def key(control: Control) -> list[tuple[int, str]]:
        parts = re.findall(r"\d+|\D+", control.number)
        return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]

    return tuple(sorted(controls, key=key))
