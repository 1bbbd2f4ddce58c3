"""Temporary files lie in memory where this machine lends enough of it, and programs may run there."""

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.base.run import CHECKOUT, run
from sandbox import state

GB = 1 << 30


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """bin/scratch.py, for a caller without a TMPDIR."""
    monkeypatch.syspath_prepend(CHECKOUT / "bin")
    monkeypatch.delenv("TMPDIR", raising=False)
    import scratch as module  # type: ignore[import-not-found]

    return module


@pytest.mark.parametrize(
    ("free", "machine", "flags", "memory"),
    [
        (8 * GB, 16 * GB, 0, True),
        (64 << 20, 16 * GB, 0, False),  # what a container has, unless it is told otherwise
        (8 * GB, 8 * GB, 0, False),
        (8 * GB, 16 * GB, getattr(os, "ST_NOEXEC", 8), False),
    ],
    ids=["room", "a small disk", "little memory", "nothing may run"],
)
def test_memory_is_taken_where_it_suffices(
    scratch: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    machine: int,
    flags: int,
    memory: bool,
) -> None:
    """Enough of it, and for programs too; else the system's folder."""
    disk = SimpleNamespace(f_bavail=free >> 12, f_frsize=1 << 12, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": machine >> 12, "SC_PAGE_SIZE": 1 << 12}.__getitem__)
    expected = tmp_path if memory else Path(tempfile.gettempdir())

    assert expected == scratch.folder(tmp_path)


def test_without_such_a_place_it_is_the_systems(scratch: Any, tmp_path: Path) -> None:
    """As on a Mac, which lends no memory so."""
    assert Path(tempfile.gettempdir()) == scratch.folder(tmp_path / "none")


@pytest.mark.outside
def test_the_callers_choice_goes_before(tmp_path: Path) -> None:
    """TMPDIR is heeded, as by every program."""
    told = run([sys.executable, "-I", "-S", CHECKOUT / "bin/scratch.py"], env={"TMPDIR": str(tmp_path)})

    assert f"{tmp_path}\n" == told.stdout


def test_sandboxes_lie_among_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a link, which is made anew when what it led to is gone, and goes with it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "checkout"
    state.place(folder)
    first = folder.resolve()
    first.rmdir()
    state.place(folder)
    (folder / "up").mkdir()
    state.place(folder)
    state.remove(folder)
    kept = (folder / "up").is_dir()
    (folder / "up").rmdir()
    state.remove(folder)

    assert kept
    assert [] == list(tmp_path.iterdir())
