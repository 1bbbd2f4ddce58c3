"""The page of all rules."""

import shutil
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import run
from pipeline.commands.rules import page
from pipeline.gate import lock
from tests.rules import RULES

TOP = Path(__file__).parents[3]


def test_page_is_in_step() -> None:
    """docs/rules.md is what the rule folders say; where it isn't: `make docs`."""
    expected = page(RULES)

    assert expected == (TOP / "docs/rules.md").read_text(encoding="utf-8")


def test_lock_is_in_step(tmp_path: Path) -> None:
    """policies/gate.lock has the gate's code as it is, in the form that sha256sum reads; if not: `make docs`."""
    written = tmp_path / "gate.lock"
    status = cli.main(["rules", "--lock", str(written)])
    program = ["sha256sum"] if shutil.which("sha256sum") else ["shasum", "--algorithm", "256"]  # a Mac's
    checked = run([*program, "--check", "--strict", "--quiet", TOP / lock.FILE], cwd=TOP)

    assert (0, "") == (status, checked.stdout)
    assert written.read_text(encoding="utf-8") == (TOP / lock.FILE).read_text(encoding="utf-8")


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


@pytest.mark.parametrize("option", ["--write", "--lock"])
def test_file_that_cannot_be_written(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that isn't there is an error of usage, which names the file and the option."""
    status = cli.main(["rules", option, str(tmp_path / "missing" / "file")])
    error = capsys.readouterr().err

    assert 2 == status
    assert str(tmp_path / "missing" / "file") in error
    assert option in error
