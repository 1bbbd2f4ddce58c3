"""The one function that runs programs: its errors say what ran, masked, and how it ended."""

import os
import sys
from itertools import count
from pathlib import Path

import psutil
import pytest

from pipeline.base import standstill
from pipeline.base.errors import ToolError
from pipeline.base.run import CHECKOUT, run, tool
from tests.waiting import until

pytestmark = pytest.mark.outside


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


HANGS = """
import subprocess, sys, time
with open(sys.argv[1], "w") as file:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    file.write(str(child.pid))
time.sleep(3600)
"""


@pytest.mark.slow
def test_a_program_that_stands_still_is_ended(tmp_path: Path) -> None:
    """Nobody waits for ever; what the program started ends with it, and the caller exits with status 2."""
    with pytest.raises(ToolError, match="stood still for 1 seconds, without output") as caught:
        run([sys.executable, "-c", HANGS, tmp_path / "child"], patience=1.0)

    assert 2 == caught.value.exit_code
    child = int((tmp_path / "child").read_text())
    until(lambda: not _runs(child), "the child's end")


def _runs(pid: int) -> bool:
    """Whether a process is there, and not just waits until somebody notes its end."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


SLOW = {
    "by the processor": "while not go.exists(): pass",
    "by output": "while not go.exists(): print('.', flush=True); time.sleep(0.05)",
    "by a child": (
        "code = 'import pathlib, sys\\nwhile not pathlib.Path(sys.argv[1]).exists(): pass'\n"
        "subprocess.run([sys.executable, '-c', code, str(go)], check=True)"
    ),
    "by one short child after the other": (
        "while not go.exists(): subprocess.run([sys.executable, '-I', '-S', '-c', '']); time.sleep(0.05)"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("work", SLOW)
def test_a_program_that_is_slow_is_waited_for(
    work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever works, or whose children work, may take much longer than a program may stand still."""
    looks = count()
    look = standstill.activity

    def counted(pid: int) -> object:
        if next(looks) == 200:  # more than three times the patience
            (tmp_path / "go").touch()
        return look(pid)

    monkeypatch.setattr(standstill, "activity", counted)
    code = f"import pathlib, subprocess, sys, time\ngo = pathlib.Path(sys.argv[1])\n{SLOW[work]}"
    done = run([sys.executable, "-c", code, tmp_path / "go"], patience=1.2)

    assert (0, "") == (done.status, done.stderr)


def test_a_child_that_is_left_running_holds_nobody() -> None:
    """A program has ended when it ends, also where a child of it keeps its output open."""
    begin = "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)']).pid)"
    done = run([sys.executable, "-c", f"import subprocess, sys; {begin}"])
    child = psutil.Process(int(done.stdout))
    running = child.is_running()
    child.kill()

    assert running


def test_output_is_read_as_utf_8_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the caller's locale; bytes that are none are replaced, and line ends stay what they are."""
    monkeypatch.setenv("LC_ALL", "C")
    code = r"import sys; sys.stdout.buffer.write(b'gr\xc3\xbc\xc3\x9fe\r\n\xff')"

    assert "grüße\r\n\ufffd" == run([sys.executable, "-c", code]).stdout


def test_a_missing_program_is_named() -> None:
    """With what to do about it, and exit status 2."""
    with pytest.raises(ToolError, match="no-such-program is not on this machine") as caught:
        run(["no-such-program"])

    assert 2 == caught.value.exit_code


def test_a_missing_folder_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(ToolError, match=r"could not be started in .*nowhere: no such folder"):
        run([sys.executable, "-c", ""], cwd=tmp_path / "nowhere")


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
    monkeypatch.setattr("pipeline.base.run.CHECKOUT", tmp_path)

    assert ".tools/uv/bin/uv lock" in said
    assert str(other) not in said
    with pytest.raises(ToolError, match="uv is not installed in"):
        tool("uv")
