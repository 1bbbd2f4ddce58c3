"""The one function that runs other programs, and where those programs are."""

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.base import standstill, timings
from pipeline.base.errors import ToolError
from pipeline.base.surroundings import UMASK, kept

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALL = f"Run: make -C {shlex.quote(str(CHECKOUT))} install"
_ENVIRONMENTS = (".venv/bin", ".tools/policy/bin", ".tools/sam/bin", ".tools/sandbox/bin", ".tools/uv/bin")
_LAST = 12  # lines of a failed program's output that its error repeats


@dataclass(frozen=True)
class Completed:
    """A program that ended: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str


def tool(name: str) -> Path:
    """The path of a locked program, in one of this checkout's environments. Raises ToolError."""
    for folder in _ENVIRONMENTS:
        path = CHECKOUT / folder / name
        if path.exists():
            return path
    raise ToolError(f"{name} is not installed in {CHECKOUT}.", INSTALL)


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
    patience: float = standstill.PATIENCE,
    check: bool = True,
    secrets: Sequence[str] = (),
) -> Completed:
    """Run a program without a shell and return what it wrote.

    `env` is added to what surroundings.py keeps of this process's environment, or stands alone where `inherit` is
    false. A program that writes nothing and takes no processor time for `patience` seconds is ended, with all that
    it started. Raises ToolError when the program is missing or was ended, and with `check` also when its exit
    status isn't 0. `secrets` are masked in the error.
    """
    words = [str(word) for word in argv]
    shown = _masked(" ".join(words), secrets)
    start = time.monotonic()
    surroundings = {**(kept(os.environ) if inherit else {}), **(env or {})}
    # Into files, not pipes: what a program leaves running may hold on to a pipe for ever.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        try:
            status, ended = _await(
                subprocess.Popen(
                    words,
                    cwd=cwd,
                    env=surroundings,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    umask=UMASK,
                ),
                lambda: (os.fstat(stdout.fileno()).st_size, os.fstat(stderr.fileno()).st_size),
                patience,
            )
        except FileNotFoundError as error:
            if error.filename != words[0]:
                raise ToolError(
                    f"`{shown}` could not be started in {error.filename}: no such folder."
                ) from error
            raise ToolError(
                f"{words[0]} is not on this machine.", "Install it, or run: make install"
            ) from error
        except OSError as error:
            raise ToolError(f"`{shown}` could not be started: {error}.", "Run: make install") from error
        finally:
            timings.record("program", Path(words[0]).name, start)
        done = Completed(status, _text(stdout), _text(stderr))
    if ended:
        raise ToolError(
            f"`{shown}` stood still for {patience:.0f} seconds, without output or processor time, and was ended.",
            "Run it by hand to see what it waits for.",
        )
    if check and done.status != 0:
        output = _masked(done.stderr.strip() or done.stdout.strip(), secrets)
        last = "\n".join(f"  | {line}" for line in output.splitlines()[-_LAST:])
        raise ToolError(f"`{shown}` ended with status {done.status}.\n{last}".rstrip())
    return done


def _await(
    process: subprocess.Popen[bytes], written: Callable[[], object], patience: float
) -> tuple[int, bool]:
    """The exit status of a process, and whether it was ended since it stood still."""
    ended: list[int] = []

    def end() -> None:
        ended.append(process.pid)
        standstill.kill(process.pid)

    try:
        with standstill.watched(lambda: (written(), standstill.activity(process.pid)), end, patience):
            return process.wait(), bool(ended)
    except BaseException:
        standstill.kill(process.pid)
        process.wait()
        raise


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")


def _masked(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
