"""Lends a job what `make install` has installed on the laptop from the same files, as the job asks for it.

The job's uv is a script that runs the laptop's. Where it is to install a group from the laptop's own lock, it links
what the laptop installed: that group, and no other. The laptop has no environment of the group `deploy` alone; it is
made once for a sandbox. uv is given where bin/install-uv.txt is the laptop's; the script is newer than that file, so
that make takes it for made. PostgreSQL is linked at once, where what names it and lays it out is the same.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LOCK = ("uv.lock", "pyproject.toml", "bin/install-uv.txt", ".python-version")
POSTGRESQL = ("bin/npm.py", "bin/postgresql/package-lock.json", "bin/postgresql/unpack.py")
UV, PINS = ".tools/uv/bin/uv", "bin/install-uv.txt"
ALONE = "deploy"  # the group that the laptop has no environment of


def offer() -> None:
    """Put uv into a checkout, and PostgreSQL; the job installs the rest, or takes what uv lends."""
    laptop, checkout = Path(os.environ["SANDBOX_TOOLCHAIN"]), Path(os.environ["FOLDER"]).absolute()
    if not all((checkout / name).is_file() for name in LOCK):
        return  # another repository
    server, target = laptop / ".tools/postgresql", checkout / ".tools/postgresql"
    if not target.exists() and _written(server) == _stamp(checkout, POSTGRESQL) != "":
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(server)
        print(".tools/postgresql is the laptop's, made from the same files")
    same = (laptop / PINS).is_file() and (laptop / PINS).read_bytes() == (checkout / PINS).read_bytes()
    if same and (laptop / UV).is_file() and not (checkout / UV).exists():
        words = shlex.join([sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(laptop / UV)])
        (checkout / UV).parent.mkdir(parents=True)
        (checkout / UV).write_text(
            f'#!/bin/sh\nif [ "$1" = sync ]; then exec {words} "$@"; fi\nexec {shlex.quote(str(laptop / UV))} "$@"\n'
        )
        (checkout / UV).chmod(0o755)
        print("uv is the laptop's, of the same hashes")


def sync(uv: Path, arguments: Sequence[str]) -> None:
    """Do what `uv sync` does with these arguments, in the current folder: by a link where that is the same."""
    environment, group, stamp = (
        Path(os.environ["UV_PROJECT_ENVIRONMENT"]),
        arguments[-1],
        _stamp(Path(), LOCK),
    )
    laptop = uv.parents[3]
    if stamp and _written(laptop / ".venv") == stamp and group == ALONE:
        made = Path(os.environ["SANDBOX_RUN"]).parents[1] / "lent" / f"{stamp}-{group}"
        _make(made, [str(uv), *arguments])
    else:
        made = laptop / (".venv" if group == "main" else f".tools/{group}")
        if not stamp or _written(made) != stamp:
            os.execv(uv, [str(uv), *arguments])  # noqa: S606 - uv itself
    shutil.rmtree(environment, ignore_errors=True)
    (environment / "bin").mkdir(parents=True)  # make writes there, and into the folder itself
    for path in (*made.iterdir(), *(made / "bin").iterdir()):
        if path.name not in ("bin", ".lock"):
            (environment / path.relative_to(made)).symlink_to(path)
    print(f"{environment} is the laptop's, made from the same files")


def _make(folder: Path, words: Sequence[str]) -> None:
    """Install into a folder, once for all jobs that ask."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.held").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if _written(folder) != "whole":
            subprocess.run(words, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}, check=True)
            (folder / ".lock").write_text("whole\n")


def _written(environment: Path) -> str:
    """The stamp of an environment; none where there is none."""
    file = environment / ".lock"
    return file.read_text().strip() if file.is_file() else ""


def _stamp(checkout: Path, files: tuple[str, ...]) -> str:
    """The digest of the files, as bin/digest.py has it; none where one is missing."""
    paths = [checkout / name for name in files]
    if not all(path.is_file() for path in paths):
        return ""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


if len(sys.argv) > 1:
    sync(Path(sys.argv[1]), sys.argv[2:])
else:
    offer()
