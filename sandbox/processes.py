"""What /proc says of processes: who is at the other end of a socket, whose child that is, and ending them."""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path

_PROC = Path("/proc")
_GOING = 10.0  # seconds that killed processes may take to be gone
_LOOKS = 6  # so often nothing is seen before nothing is believed: a process that begins has no environment at first


def parent(pid: int) -> int:
    """The parent's id; 0 where the process is gone."""
    try:
        # The name in brackets may hold anything; what follows the last bracket is plain.
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def arguments(pid: int) -> list[str]:
    """A process's argument list; empty where it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def all_ids() -> Iterator[int]:
    """Every process."""
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def descendants(ancestor: int) -> list[int]:
    """Every process below `ancestor`, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for pid in all_ids():
        children.setdefault(parent(pid), []).append(pid)
    found = list(children.get(ancestor, []))
    for pid in found:
        found += children.get(pid, [])
    return found


def line(pid: int) -> list[int]:
    """A process and its ancestors, nearest first."""
    found = []
    while pid > 1 and pid not in found:
        found.append(pid)
        pid = parent(pid)
    return found


def owner_of_connection(client: tuple[str, int], server: tuple[str, int], among: list[int]) -> int:
    """The process of `among` that opened the IPv4 connection `client` -> `server`; 0 if none did."""
    inode = _inode(_hexadecimal(client), _hexadecimal(server))
    for pid in among if inode else ():
        with contextlib.suppress(OSError):
            for entry in (_PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if entry.readlink().name == f"socket:[{inode}]":
                        return pid
    return 0


def _inode(local: str, remote: str) -> str:
    for row in (_PROC / "net" / "tcp").read_text().splitlines()[1:]:
        columns = row.split()
        if columns[1] == local and columns[2] == remote:
            return columns[9]
    return ""


def _hexadecimal(address: tuple[str, int]) -> str:
    octets = [int(octet) for octet in address[0].split(".")]
    return "".join(f"{octet:02X}" for octet in reversed(octets)) + f":{address[1]:04X}"


def carrying(mark: bytes) -> list[int]:
    """Every process whose environment holds `mark`: also those whose parent has ended."""
    found = []
    for pid in all_ids():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and mark in (_PROC / str(pid) / "environ").read_bytes():
                found.append(pid)
    return found


def end(pid: int, mark: bytes, grace: float = 3.0) -> None:
    """End a process that this process started, everything below it, and what carries `mark`.

    It gets SIGINT and `grace` seconds to tidy up; then everything gets SIGKILL, until nothing is left: a process may
    start another while it is looked for, and takes a moment to go.
    """
    _send(pid, signal.SIGINT)
    until = time.monotonic() + grace
    while time.monotonic() < until and _alive(pid):
        time.sleep(0.05)
    known = (pid, *descendants(pid))  # once it is gone, they are nobody's
    until, looks = time.monotonic() + _GOING, 0
    while looks < _LOOKS and time.monotonic() < until:
        looks = 0 if kill({*filter(_alive, known), *carrying(mark)}) else looks + 1
        time.sleep(0.05)


def kill(pids: Collection[int]) -> int:
    """Send SIGKILL to each; returns how many there were."""
    for pid in pids:
        _send(pid, signal.SIGKILL)
    return len(pids)


def _alive(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
