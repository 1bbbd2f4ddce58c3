"""The command line: exit statuses, and messages with a way out."""

import errno
import json
import re
import shutil
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base import summary, text
from pipeline.base.errors import GateError
from pipeline.base.run import CHECKOUT


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

    monkeypatch.setattr("pipeline.commands.environment.main", full)
    status = cli.main(["environment", "dev"])

    assert 2 == status
    assert (
        "pipeline: build/reports/report.json: No space left on device\n  Is the disk full"
        in capsys.readouterr().err
    )


HOSTILE = (
    "why\r\n::add-mask::x\n  ::stop-commands::y\nmid ##[add-path]/z "
    "\x1b[1A\x1b[2K \u202eevil \x9b1A\u2028::error::w"
)


@pytest.mark.parametrize("out", ["stderr", "stdout"])
def test_nothing_that_is_printed_is_a_command(
    out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error's words and a command's own lines may hold a stranger's: neither reaches a runner or a terminal."""

    def hostile(_args: object) -> int:
        if out == "stderr":
            raise GateError(HOSTILE, HOSTILE)
        print("said:", HOSTILE)
        print(HOSTILE, end="")
        print("::warning::x")
        return 1

    monkeypatch.setattr("pipeline.commands.environment.main", hostile)
    status = cli.main(["environment", "dev"])
    said = getattr(capsys.readouterr(), "err" if out == "stderr" else "out")

    assert 1 == status
    assert not [row for row in re.split(r"[\r\n]", said) if row.lstrip().startswith("::")]
    assert "##[" not in said
    assert not [one for one in said if one != "\n" and not one.isprintable()]


def test_a_wrong_word_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody typed into a workflow's form comes back in the usage."""
    with pytest.raises(SystemExit):
        cli.main(["environment", "dev", "\n::add-mask::x\x1b[2K"])
    said = capsys.readouterr().err

    assert "\n::add-mask" not in said
    assert "\x1b" not in said


def test_a_warning_is_still_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that the program gives itself reach the runner."""

    def warn(_args: object) -> int:
        summary.warning("Title", "one\n::error::two\x1b[2K")
        return 0

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr("pipeline.commands.environment.main", warn)
    cli.main(["environment", "dev"])

    assert "::warning title=Title::one%0A::error::two\\u001b[2K\n" == capsys.readouterr().err


def test_tables_and_documents_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Indentation, columns, letters of any script, and JSON."""
    document = {"a": "##[group]", "b": "\u202e\x1b größe"}

    def say(_args: object) -> int:
        print("  größe   鍵\tx")
        print(text.as_json(document))
        return 0

    monkeypatch.setattr("pipeline.commands.environment.main", say)
    cli.main(["environment", "dev"])
    first, _, rest = capsys.readouterr().out.partition("\n")

    assert "  größe   鍵\tx" == first
    assert document == json.loads(rest)


def test_works_on_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """-C, before the command, as git has it; a folder that isn't there is told of."""
    shutil.copy(CHECKOUT / "samconfig.toml", tmp_path)
    here = tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)

    assert 2 == cli.main(["environment", "dev"])
    capsys.readouterr()
    assert 0 == cli.main(["-C", str(tmp_path), "environment", "dev"])
    assert "role=" in capsys.readouterr().out
    assert 2 == cli.main(["-C", str(tmp_path / "gone"), "environment", "dev"])
    assert "gone can't be entered: No such file or directory." in capsys.readouterr().err
