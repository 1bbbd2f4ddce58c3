"""What a step tells its run can't be made to say more than was meant."""

from pathlib import Path

import pytest

from pipeline import summary


def test_an_output_can_not_set_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value with line ends stays one value."""
    file = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    summary.output({"digest": "a\nrole=evil\n"})
    first, *body, last = file.read_text().splitlines()

    assert ["a", "role=evil", ""] == body
    assert first == f"digest<<{last}"


def test_a_cell_can_not_end_its_table() -> None:
    """Bars, line ends and HTML of a resource's name are text."""
    text = summary.table(("name",), [("a|b\n<script>&",)])

    assert "| name |\n|---|\n| a\\|b &lt;script&gt;&amp; |" == text


def test_a_warning_can_not_become_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What AWS answered is escaped in an annotation."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    summary.warning("a:b", "one\n::error::two")

    assert "::warning title=a%3Ab::one%0A::error::two\n" == capsys.readouterr().err


def test_outside_of_a_run_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a laptop there is no run to tell."""
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    summary.output({"a": "b"})
    summary.add("text")

    assert "| a |" in summary.table(("a",), [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A summary that can't be written is told of; a deployment goes on."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    summary.add("text")

    assert "warning: No step summary: /dev/full: No space left on device\n" == capsys.readouterr().err
