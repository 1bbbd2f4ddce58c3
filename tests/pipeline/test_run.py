"""The one function that runs programs: its errors say what ran, masked, and how it ended."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.errors import ToolError
from pipeline.run import CHECKOUT, run, tool


def test_a_failure_tells_its_last_lines() -> None:
    """Program, arguments, exit status, the end of what it wrote."""
    with pytest.raises(ToolError, match=r"ended with status 3\.\n  \| oh no"):
        run([sys.executable, "-c", "import sys; sys.exit(print('oh no', file=sys.stderr) or 3)"])


def test_a_secret_is_masked_in_arguments_and_output() -> None:
    """Wherever the error repeats it."""
    with pytest.raises(ToolError) as caught:
        run([sys.executable, "-c", "import sys; sys.exit('hunter2')", "hunter2"], secrets=["hunter2"])

    assert "hunter2" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_program_that_hangs_is_ended() -> None:
    """Nobody waits for ever."""
    with pytest.raises(ToolError, match="did not end within 0 seconds"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


def test_a_missing_program_is_named() -> None:
    """With what to do about it, and exit status 2."""
    with pytest.raises(ToolError, match="no-such-program is not on this machine") as caught:
        run(["no-such-program"])

    assert 2 == caught.value.exit_code


def test_a_tool_that_is_not_installed_says_how_to_install_it() -> None:
    """`make install` brings every tool."""
    with pytest.raises(ToolError, match="no-such-tool is not installed in") as caught:
        tool("no-such-tool")

    assert "make -C" in caught.value.hint


def test_an_unchecked_status_is_returned(tmp_path: Path) -> None:
    """The caller may look itself; no shell reads the arguments."""
    done = run([sys.executable, "-c", "import sys; print(sys.argv[1]); sys.exit(4)", "$HOME; x"], check=False)

    assert (4, "$HOME; x\n") == (done.status, done.stdout)


def test_no_other_uv_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that lies on the path, nor one that make is given: uv comes by hash, or not at all."""
    other = tmp_path / "uv"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("UV", str(other))
    said = run(["make", "--dry-run", f"UV={other}", "lock"], cwd=CHECKOUT).stdout
    monkeypatch.setattr("pipeline.run.CHECKOUT", tmp_path)

    assert ".tools/uv/bin/uv lock" in said
    assert str(other) not in said
    with pytest.raises(ToolError, match="uv is not installed in"):
        tool("uv")
