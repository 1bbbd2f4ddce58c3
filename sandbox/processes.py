"""What the system says of processes: who is at the other end of a socket, whose child that is, and ending them."""

import contextlib
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

import psutil

_GOING = 10.0  # seconds that killed processes may take to be gone
_LOOKS = 6  # so often nothing is seen before nothing is believed: a process that begins has no environment at first


def began(pid: int) -> float:
    """When a process began, in seconds; 0 where it has ended. With the id it tells a process from any other.

    Linux counts from its own start: what it says of the time of day moves with the clock.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return 0.0
        return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0)
    except psutil.Error:
        return 0.0


def alive(pid: int) -> bool:
    """Whether a process runs."""
    return began(pid) > 0.0


def arguments(pid: int) -> list[str]:
    """A process's argument list; empty where it is gone."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def folder(pid: int) -> Path | None:
    """The folder that a process works in; none where it is gone."""
    try:
        return Path(psutil.Process(pid).cwd())
    except psutil.Error:
        return None


def descendants(ancestor: int) -> list[int]:
    """Every process below `ancestor`, children before grandchildren."""
    try:
        return [process.pid for process in psutil.Process(ancestor).children(recursive=True)]
    except psutil.Error:
        return []


def children(parent: int) -> list[int]:
    """The processes that `parent` started itself."""
    try:
        return [process.pid for process in psutil.Process(parent).children()]
    except psutil.Error:
        return []


def line(pid: int) -> list[int]:
    """A process and its ancestors, nearest first."""
    try:
        return [pid, *(process.pid for process in psutil.Process(pid).parents() if process.pid > 1)]
    except psutil.Error:
        return [pid]


def owner_of_connection(client: tuple[str, int], server: tuple[str, int], among: list[int]) -> int:
    """The process of `among` that opened the IPv4 connection `client` -> `server`; 0 if none did."""
    for pid in among:
        with contextlib.suppress(psutil.Error):
            for connection in psutil.Process(pid).net_connections("tcp4"):
                if (connection.laddr, connection.raddr) == (client, server):
                    return pid
    return 0


def carrying(mark: bytes) -> list[int]:
    """Every process whose environment holds `mark`, NAME=VALUE: also those whose parent has ended.

    A Mac keeps the environments of its own programs to itself (`cs_restricted` in XNU's sysctl_procargsx): there
    such a one is known only as long as it is a descendant.
    """
    marked = []
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):
            environment = psutil.Process(pid).environ() if pid != os.getpid() else {}
            if any(f"{name}={value}".startswith(mark.decode()) for name, value in environment.items()):
                marked.append(pid)
    return marked


def end(pid: int, mark: bytes, grace: float = 3.0) -> None:
    """End a process, everything below it, and what carries `mark`.

    It gets SIGINT and `grace` seconds to tidy up; then everything gets SIGKILL, until nothing is left: a process may
    start another while it is looked for, and takes a moment to go.
    """
    send(pid, signal.SIGINT)
    until = time.monotonic() + grace
    while time.monotonic() < until and alive(pid):
        time.sleep(0.05)
    known = (pid, *descendants(pid))  # once it is gone, they are nobody's
    until, looks = time.monotonic() + _GOING, 0
    while looks < _LOOKS and time.monotonic() < until:
        looks = 0 if kill({*filter(alive, known), *carrying(mark)}) else looks + 1
        time.sleep(0.05)


def kill(pids: Collection[int]) -> int:
    """Send SIGKILL to each; returns how many there were."""
    for pid in pids:
        send(pid, signal.SIGKILL)
    return len(pids)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
