"""The page of all rules, their register, and what is told of one."""

import re
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.commands.rules import explanation, page
from pipeline.gate import register
from pipeline.gate.rules import Rule
from tests.rules import RULES

TOP = Path(__file__).parents[3]


def test_page_is_short_and_leads_to_folders() -> None:
    """A row a rule, whose link is the rule's folder."""
    text = page(RULES)
    links = re.findall(r"\]\((\.\./policies/\w+/\w+)\)", text)

    assert len(text.splitlines()) < 200
    assert [rule.folder for rule in RULES] == [(TOP / "docs" / link).resolve() for link in links]


def test_register_is_in_step() -> None:
    """policies/rules.txt has each rule with its severity, a line each, sorted; if not: `make docs`."""
    text = (TOP / register.FILE).read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if not row.startswith("#")]

    assert register.render(RULES) == text
    assert sorted(rows) == rows
    assert {rule.id: rule.severity for rule in RULES} == {
        name: severity for name, (severity, _) in register.read(text).items()
    }


@pytest.mark.parametrize(
    "row",
    ["", "# one critical", "one", "one fatal", "One high", "one high x", "one high low", "| one | high |"],
)
def test_row_that_is_none(row: str) -> None:
    """What is no row promises nothing, so the rule that it was meant for is told as missing."""
    assert {"two": ("low", 2)} == register.read(f"{row}\ntwo low\n")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_explained(rule: Rule) -> None:
    """Each rule is told whole: meaning, why, remedy, an example that fails and one that passes, controls."""
    text = explanation(rule)
    marks = ["\n\nWhy: ", "\n\nFix: ", "\n\nFails (", "\n\nPasses (", "\n\nControls: "]
    places = [text.find(mark) for mark in marks]

    assert text.startswith(f"{rule.group}/{rule.id}, {rule.severity}\n")
    assert " ".join(rule.title.split()) in " ".join(text.split())
    assert sorted(places) == places
    assert -1 not in places
    assert " ".join(rule.remediation.split()) in " ".join(text.split())


@pytest.mark.parametrize("name", ["trust_policy", "oidc/trust_policy"])
def test_one_rule(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`pipeline rules ID` explains that rule alone, with the group in front or without."""
    status = cli.main(["rules", name])
    (rule,) = (rule for rule in RULES if rule.id == "trust_policy")

    assert (0, explanation(rule)) == (status, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "hint"), [("trust_polcy", "trust_policy"), ("CKV_AWS_18", "another tool"), ("iam", "lists them")]
)
def test_rule_that_is_none(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no rule has is an error of usage, which says what was meant or where to look."""
    status = cli.main(["rules", name])
    error = capsys.readouterr().err

    assert 2 == status
    assert name in error
    assert hint in error


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """`pipeline rules` names every rule with its severity."""
    status = cli.main(["rules"])
    lines = capsys.readouterr().out.splitlines()

    assert 0 == status
    assert [f"{rule.group}/{rule.id}" for rule in RULES] == [line.split()[1] for line in lines]


@pytest.mark.parametrize("option", ["--write", "--register"])
def test_file_that_cannot_be_written(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that isn't there is an error of usage, which names the file and the option."""
    status = cli.main(["rules", option, str(tmp_path / "missing" / "file")])
    error = capsys.readouterr().err

    assert 2 == status
    assert str(tmp_path / "missing" / "file") in error
    assert option in error
