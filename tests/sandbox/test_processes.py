import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from sandbox import processes
from tests.waiting import until

pytestmark = pytest.mark.outside

SLEEP = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(86400)'])"


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with one child, both marked in their environment."""
    env = {**os.environ, "MARK": f"family-{os.getpid()}"}
    with subprocess.Popen([sys.executable, "-c", SLEEP], env=env, start_new_session=True) as parent:
        until(lambda: _began(parent.pid), "the child's begin")
        yield parent
        processes.end(parent.pid, f"MARK=family-{os.getpid()}".encode(), grace=0)


def _began(parent: int) -> bool:
    """Whether the child is itself by now: at first it is its parent's copy."""
    return any(
        processes.arguments(pid)[1:] == ["-c", "import time; time.sleep(86400)"]
        for pid in processes.descendants(parent)
    )


def test_knows_ancestors_and_descendants(family: subprocess.Popen[bytes]) -> None:
    """A child's line leads through its parent to this process."""
    (child,) = processes.descendants(family.pid)

    assert [child, family.pid, os.getpid()] == processes.line(child)[:3]
    assert processes.arguments(child)[1:] == ["-c", "import time; time.sleep(86400)"]


def test_ends_a_child_whose_parent_is_gone(family: subprocess.Popen[bytes]) -> None:
    """What a process leaves running is ended with it, by the mark in its environment."""
    (child,) = processes.descendants(family.pid)
    family.kill()
    family.wait()
    alive = child in processes.carrying(f"MARK=family-{os.getpid()}".encode())
    processes.end(family.pid, f"MARK=family-{os.getpid()}".encode(), grace=0)

    assert alive
    until(lambda: not processes.carrying(f"MARK=family-{os.getpid()}".encode()), "the child's end")


def test_knows_who_opened_a_connection(family: subprocess.Popen[bytes]) -> None:
    """The process at the other end of a socket is found, and only among those asked about."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as client:
            ends = (client.getsockname(), address)
            found = processes.owner_of_connection(*ends, among=[family.pid, os.getpid()])

            assert os.getpid() == found
            assert 0 == processes.owner_of_connection(*ends, among=[family.pid])
            assert 0 == processes.owner_of_connection(("127.0.0.1", 1), address, among=[os.getpid()])


def test_a_process_that_is_gone_has_nothing() -> None:
    """Asking about a process that ended meanwhile is no error."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert (0.0, [], None, [], [gone.pid]) == (
        processes.began(gone.pid),
        processes.arguments(gone.pid),
        processes.folder(gone.pid),
        processes.descendants(gone.pid),
        processes.line(gone.pid),
    )


@pytest.mark.skipif(not psutil.LINUX, reason="other systems note the time of day when a process begins")
def test_a_clock_that_moves_makes_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour's correction leaves a process who it is: psutil's own create_time moves with the clock."""
    before, said = processes.began(os.getpid()), psutil.Process().create_time()
    booted = psutil.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: booted + 3600.0)

    assert said + 3600.0 == psutil.Process().create_time()
    assert before == processes.began(os.getpid())


def test_a_process_that_nobody_has_waited_for_is_not_alive() -> None:
    """A zombie has an id still, and no life; whoever lives keeps the time at which it began."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        began = processes.began(child.pid)
        assert (True, began) == (processes.alive(child.pid), processes.began(child.pid))
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert not processes.alive(child.pid)
