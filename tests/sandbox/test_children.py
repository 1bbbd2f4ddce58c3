"""A child ends with the process that started it, however that ends: shown with SIGKILL."""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from sandbox import children, processes
from sandbox.children import Child

pytestmark = pytest.mark.slow

PYTHON = sys.executable
# A child that ends by itself when it is asked to, one that doesn't, and one that leaves another behind, in a session
# that no signal to its group reaches.
OBEDIENT = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {OBEDIENT}"
LEAVING = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
{OBEDIENT}
"""
# Starts a child, says its id, and waits to be killed.
PARENT = """
import signal, sys, time
from pathlib import Path
from sandbox.children import Child
log = Path(sys.argv[1]).open("wb")
mark = sys.argv[3]
BEFORE
child = Child([sys.executable, "-c", sys.argv[2]], env={"RUN": mark}, death=signal.SIGINT,
              mark=f"RUN={mark}".encode(), patience=PATIENCE, stdout=log, stderr=log)
print(child.pid, flush=True)
THEN
time.sleep(600)
"""


def wait_for(condition: Callable[[], bool], patience: float = 60.0) -> bool:
    """Whether something comes to be; the limit is there for what never does."""
    until = time.monotonic() + patience
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


@contextmanager
def parent(
    tmp_path: Path, code: str, *, before: str = "", then: str = "", patience: float = 600.0
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process with a child that runs `code`, and the child's id. What carries the folder's name is ended.

    What the process does `before` it starts the child and `then` is code too; `patience` is the child's, in seconds.
    """
    whole = PARENT.replace("BEFORE", before).replace("THEN", then).replace("PATIENCE", str(patience))
    words = [PYTHON, "-c", whole, str(tmp_path / "log"), code, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(words, env=env, cwd=CHECKOUT, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        try:
            yield started, int(started.stdout.readline())
        finally:
            started.kill()
            processes.kill(carrying(tmp_path))


def carrying(tmp_path: Path) -> list[int]:
    """Every process with the mark of this test: the child, what it started, and the watcher."""
    return processes.carrying(f"RUN={tmp_path}".encode())


def up(tmp_path: Path) -> bool:
    """Whether the child has begun."""
    log = tmp_path / "log"
    return log.exists() and "up" in log.read_text()


@pytest.mark.parametrize("code", [OBEDIENT, LEAVING], ids=["obedient", "leaving another"])
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path, code: str) -> None:
    """Nothing of it is left: neither what it started in another session, nor the watcher."""
    with parent(tmp_path, code) as (started, child):
        assert wait_for(lambda: up(tmp_path))
        running = carrying(tmp_path)
        started.send_signal(signal.SIGKILL)

        assert child in running
        assert wait_for(lambda: not carrying(tmp_path))


def test_a_child_of_who_ignores_the_signal_hears_it(tmp_path: Path) -> None:
    """As everything does that a shell, which isn't a person's, runs in its background."""
    ignore = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    with parent(tmp_path, OBEDIENT, before=ignore) as (started, _):
        assert wait_for(lambda: up(tmp_path))
        started.send_signal(signal.SIGKILL)

        assert wait_for(lambda: not carrying(tmp_path))


def test_a_child_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """What ignores the signal gets SIGKILL."""
    with parent(tmp_path, STUBBORN, patience=0.5) as (started, child):
        assert wait_for(lambda: up(tmp_path))
        started.send_signal(signal.SIGKILL)

        assert wait_for(lambda: not carrying(tmp_path))
        assert not processes.alive(child)


def test_a_parent_that_dies_at_once_leaves_nothing(tmp_path: Path) -> None:
    """Also where the parent is gone before its child has become the program."""
    with parent(tmp_path, OBEDIENT, then="import os; os.kill(os.getpid(), signal.SIGKILL)") as (
        started,
        child,
    ):
        started.wait()

        assert wait_for(lambda: not processes.alive(child) and not carrying(tmp_path))


def test_a_child_that_may_stay_outlives_its_parent(tmp_path: Path) -> None:
    """After `stay` nobody watches, and nothing is ended."""
    with parent(tmp_path, OBEDIENT, then="child.stay()") as (started, child):
        assert wait_for(lambda: up(tmp_path) and carrying(tmp_path) == [child])
        started.send_signal(signal.SIGKILL)
        started.wait()

        assert [child] == carrying(tmp_path)


def test_a_child_ends_with_the_process_and_not_with_a_thread(tmp_path: Path) -> None:
    """The end of the thread that started it is no end of the process."""
    code = "import threading; thread = threading.Thread(target=lambda: Child([sys.executable, '-c', sys.argv[2]], "
    code += (
        "env={'RUN': mark}, death=signal.SIGINT)); thread.start(); thread.join(); print('joined', flush=True)"
    )
    with parent(tmp_path, OBEDIENT, then=code) as (started, child):
        assert started.stdout is not None
        assert b"joined\n" == started.stdout.readline()
        assert wait_for(lambda: len(carrying(tmp_path)) == 4)  # two children, two watchers
        started.send_signal(signal.SIGKILL)

        assert wait_for(lambda: not carrying(tmp_path))
        assert not processes.alive(child)


def test_a_child_gets_exactly_its_environment(tmp_path: Path) -> None:
    """No variable more: neither this process's nor what a Python on the way adds."""
    code = "import os; print(sorted(os.environ), os.getcwd())"
    with Child(
        [PYTHON, "-I", "-X", "utf8", "-c", code],
        env={"LC_ALL": "C", "ONLY": "this"},
        cwd=tmp_path,
        death=signal.SIGINT,
        stdout=subprocess.PIPE,
    ) as child:
        said, _ = child.communicate()
        child.forget()

    assert f"['LC_ALL', 'ONLY'] {tmp_path}\n" == said.decode()
    assert 0 == child.returncode


def test_a_childs_output_ends_with_the_child(tmp_path: Path) -> None:
    """The watcher doesn't hold it open, or nobody would see its end."""
    with Child(
        [PYTHON, "-c", "print(1)"], env={}, death=signal.SIGINT, stdout=subprocess.PIPE, cwd=tmp_path
    ) as child:
        assert child.stdout is not None
        assert b"1\n" == child.stdout.read()
        child.forget()


def test_a_program_that_is_not_there_is_told_in_the_log(tmp_path: Path) -> None:
    """Status 127, as a shell has it."""
    child = children.start(
        [tmp_path / "nowhere"], log=tmp_path / "log", env={"PATH": "/usr/bin:/bin"}, death=signal.SIGTERM
    )
    status = child.wait()
    child.forget()

    assert 127 == status
    assert (
        f"{tmp_path / 'nowhere'} can't be started: No such file or directory\n"
        in (tmp_path / "log").read_text()
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_is_left_behind(tmp_path: Path) -> None:
    """The program has the user's id and group and no other, and can't come back."""
    code = "import os; print(os.getresuid(), os.getresgid(), os.getgroups()); os.setuid(0)"
    child = children.start(
        ["/usr/bin/env", "python3", "-I", "-c", code],
        log=tmp_path / "log",
        env={"PATH": "/usr/bin:/bin:/usr/local/bin"},
        death=signal.SIGTERM,
        cwd=Path("/"),
        user="nobody",
    )
    child.wait()
    child.forget()
    nobody = pwd.getpwnam("nobody")
    said = (tmp_path / "log").read_text()

    assert f"{(nobody.pw_uid,) * 3} {(nobody.pw_gid,) * 3} []\n" in said
    assert "PermissionError" in said
