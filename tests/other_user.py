"""Another user for a child process, who isn't root: no program of the system is needed for that."""

import ctypes
import os
import struct
import sys
from pathlib import Path

NOBODY = 65534
# From <linux/prctl.h> and <linux/capability.h>.
_KEEP_CAPABILITIES, _AMBIENT, _RAISE = 8, 47, 2
_READ_SEARCH, _VERSION = 2, 0x20080522


def become_nobody() -> None:
    """Before a child's program begins: leave root for good. Nothing for anybody else, who isn't root already.

    Root's Python may lie in a folder that is closed to others, such as /root. Then the child gets the one capability
    that opens folders and files for reading; writing stays what a user without rights may.
    """
    if os.geteuid() != 0:
        return
    closed = _closed(Path(sys.executable).resolve())
    if closed:
        _call("prctl", _KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    if closed:
        header, bit = struct.pack("=Ii", _VERSION, 0), 1 << _READ_SEARCH
        _call("capset", header, struct.pack("=6I", bit, bit, bit, 0, 0, 0))
        _call("prctl", _AMBIENT, _RAISE, _READ_SEARCH, 0, 0)


def _closed(path: Path) -> bool:
    return any(not folder.stat().st_mode & 0o001 for folder in path.parents)


def _call(name: str, *arguments: int | bytes) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name} was refused")
