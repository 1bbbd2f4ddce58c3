"""Prints the folder for temporary files, for the Makefile: in memory where this machine lends some, else the system's.

A run of the tests makes a hundred thousand files, and a run of a workflow some thousands: on a disk that takes a third
of the time. Linux lends memory as /dev/shm; containers often let nothing run there, or have a few megabytes.
Standard library alone: nothing is installed yet.
"""

import os
import re
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is made by mkdtemp, as in the system's folder
ROOM = 6 << 30  # bytes: three times what the tests leave there
_NOT_EXECUTABLE = 8  # ST_NOEXEC of <sys/statvfs.h>, which Python names on Linux alone


def folder(memory: Path = MEMORY, meminfo: Path = Path("/proc/meminfo")) -> Path:
    """Where temporary files go. The caller's TMPDIR goes before."""
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK | os.X_OK):
        return Path(tempfile.gettempdir())
    try:
        disk = os.statvfs(memory)
        free = re.search(r"^MemAvailable:\s+([0-9]+) kB$", meminfo.read_text(), re.MULTILINE)
    except OSError:
        return Path(tempfile.gettempdir())
    room = min(disk.f_bavail * disk.f_frsize, int(free.group(1)) << 10 if free else 0)
    return memory if room >= ROOM and not disk.f_flag & _NOT_EXECUTABLE else Path(tempfile.gettempdir())


if __name__ == "__main__":
    print(folder())
