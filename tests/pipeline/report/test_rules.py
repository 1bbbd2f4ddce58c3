"""The page of all rules."""

from pathlib import Path

import pytest

from pipeline import cli
from pipeline.gate.rules import load
from pipeline.report.rules import page

TOP = Path(__file__).parents[3]
RULES = load(TOP / "policies")


def test_page_is_in_step() -> None:
    """docs/rules.md is what the rule folders say; where it isn't: `make docs`."""
    expected = page(RULES)

    assert expected == (TOP / "docs/rules.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_explained(rule: object) -> None:
    """Each rule has its section: meaning, why, remedy, an example that fails and one that passes, controls."""
    section = page([rule]).split("### ", 1)[1]  # type: ignore[list-item]

    assert ["*Why:*", "*Fix:*", "Fails:", "Passes:", "*Controls:*"] == [
        mark for mark in ("*Why:*", "*Fix:*", "Fails:", "Passes:", "*Controls:*") if mark in section
    ]
    assert section.count("```") % 2 == 0


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """`pipeline rules` names every rule with its severity."""
    status = cli.main(["rules"])
    lines = capsys.readouterr().out.splitlines()

    assert 0 == status
    assert [f"{rule.group}/{rule.id}" for rule in RULES] == [line.split()[1] for line in lines]


def test_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that isn't there is an error of usage, which names the file."""
    status = cli.main(["rules", "--write", str(tmp_path / "missing" / "rules.md")])

    assert 2 == status
    assert str(tmp_path / "missing" / "rules.md") in capsys.readouterr().err
