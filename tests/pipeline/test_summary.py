"""What a step tells its run can't be made to say more than was meant."""

from pathlib import Path

import pytest

from pipeline.base import summary


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

    assert "| name |\n| --- |\n| a&#124;b &#60;script&#62;&#38; |" == text


def test_a_warning_can_not_become_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What AWS answered is escaped in an annotation."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    summary.warning("a:b", "one\n::error::two")

    assert "::warning title=a%3Ab::one%0A::error::two\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("cell", "marks"),
    [
        (r"\[approve here](https://evil.example)", r"\[]()"),
        ("*bold* _it_ ~~gone~~", "*_~"),
        ("# head\n- item\n1. one", "#\n"),
        ("www.evil.example mail@evil.example", "@"),
        ("a\x1b[31m\u202eb", "\x1b\u202e"),
    ],
)
def test_a_cell_is_no_markdown(cell: str, marks: str) -> None:
    """Neither a link, also behind a backslash, nor emphasis, nor a list, nor what can't be seen."""
    text = summary.table(("",), [(cell,)]).splitlines()

    assert 3 == len(text)
    assert not set(text[2].strip("| ").replace("&#", "")) & set(marks)


def test_a_warning_can_not_write_over_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor begin a command of a runner, if one reads along."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    summary.warning("Drift", "one\x1b[2K\r\n::stop-commands::x\n  ##[add-path]/x")

    assert (
        "warning: Drift: one\\u001b[2K\\u000d\n\\::stop-commands::x\n  # #[add-path]/x\n"
        == capsys.readouterr().err
    )


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
