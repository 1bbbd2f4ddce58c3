"""The command line: exit statuses, and messages with a way out."""

import errno
from pathlib import Path

import pytest

from pipeline import cli


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`pipeline COMMAND --help` works for each."""
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])

    assert 0 == caught.value.code
    assert f"pipeline {name}" in capsys.readouterr().out


def test_an_error_is_told_with_its_hint_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback: what failed, then how to resolve it."""
    status = cli.main(["environment", "dev"])
    said = capsys.readouterr().err

    assert 2 == status
    assert "samconfig.toml does not exist.\n  Run in the repository's top folder.\n" in said


def test_a_wrong_command_is_a_usage_error() -> None:
    """Exit status 2."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["deplyo"])

    assert 2 == caught.value.code


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback either: which file, and what to do."""

    def full(_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "build/reports/report.json")

    monkeypatch.setattr("pipeline.environment.main", full)
    status = cli.main(["environment", "dev"])

    assert 2 == status
    assert (
        "pipeline: build/reports/report.json: No space left on device\n  Is the disk full"
        in capsys.readouterr().err
    )
