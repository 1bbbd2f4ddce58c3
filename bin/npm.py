"""Fetches npm packages by the digests of a package-lock.json, with nothing on the machine but Python.

npm itself comes from PyPI, by the hashes of uv.lock: the group `npm`, which the Makefile installs into .tools/npm. No
script of any package runs. Of the caller's variables npm gets those that say how the registry is reached, and where
its own settings and its cache are.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO

_PROGRAMS = Path(__file__).resolve().parent.parent / ".tools/npm/bin"
# What would make Python, which starts node, or node itself another program.
_FOREIGN = ("PYTHON", "NODE_OPTIONS", "NODE_PATH", "LD_", "DYLD_")


def ci(named: Path, folder: Path) -> Path:
    """Install what package.json and package-lock.json of the folder `named` say into `folder`; its node_modules.

    Raises CalledProcessError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(named / name, folder)
    subprocess.run(
        [_PROGRAMS / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return folder / "node_modules"


def node(script: str, *, cwd: Path | None = None, stdin: IO[bytes] | None = None) -> bytes:
    """What a script writes that node runs. Raises CalledProcessError."""
    return subprocess.run(
        [_PROGRAMS / "node", "-e", script],
        cwd=cwd,
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def environment() -> dict[str, str]:
    """This process's variables without those by which the caller's world would reach in."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
