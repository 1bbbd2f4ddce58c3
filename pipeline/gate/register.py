"""The register of rules: which the gate promises, and how severe each is."""

import re
from collections.abc import Iterable

from pipeline.gate.findings import SEVERITIES
from pipeline.gate.rules import Rule

FILE = "policies/rules.txt"
_ROW = re.compile(rf"([a-z0-9_]+) +({'|'.join(SEVERITIES)})\s*(#.*)?")
_HEAD = "# The rules that the gate promises, and how severe each is. Written by `make docs`; rules_kept reads it.\n"


def render(rules: Iterable[Rule]) -> str:
    """The content of the register: a rule a line, in the order of their ids."""
    return _HEAD + "".join(f"{rule.id} {rule.severity}\n" for rule in sorted(rules, key=lambda rule: rule.id))


def read(text: str) -> dict[str, tuple[str, int]]:
    """Of each rule in a register: its severity, and the row's number from 1."""
    rows = ((_ROW.fullmatch(row), number) for number, row in enumerate(text.splitlines(), 1))
    return {row[1]: (row[2], number) for row, number in rows if row is not None}
