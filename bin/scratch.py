"""Prints the folder for temporary files, for the Makefile: in memory where this machine lends some, else the system's.

A run of the tests makes a hundred thousand files, and a run of a workflow some thousands: on a disk that takes a third
of the time. Linux lends memory as /dev/shm; containers often let nothing run there, or have a few megabytes.
Standard library alone: nothing is installed yet.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is made by mkdtemp, as in the system's folder
ROOM = 6 << 30  # bytes: three times what the tests leave there
_NOT_EXECUTABLE = 8  # ST_NOEXEC of <sys/statvfs.h>, which Python names on Linux alone


def folder(memory: Path = MEMORY) -> Path:
    """Where temporary files go. The caller's TMPDIR goes before."""
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK | os.X_OK):
        return Path(tempfile.gettempdir())
    disk = os.statvfs(memory)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    room = min(disk.f_bavail * disk.f_frsize, machine // 2)  # what else runs needs some too
    return memory if room >= ROOM and not disk.f_flag & _NOT_EXECUTABLE else Path(tempfile.gettempdir())


if __name__ == "__main__":
    print(folder())
