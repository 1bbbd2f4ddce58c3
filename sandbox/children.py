"""Child processes that don't outlive this one, however it ends: see guard.py."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.base.standstill import PATIENCE, Stillness, activity
from sandbox import guard
from sandbox.errors import SandboxError

HOST = "127.0.0.1"


class Child(subprocess.Popen[bytes]):
    """A program in a session of its own, with exactly the environment `env`.

    When this process dies, it gets the signal `death`, and once it has ended, at the latest after `patience` seconds,
    SIGKILL goes to its whole process group and all that carries `mark` (see processes.carrying). `user` is the name of
    a user for root to become. Further `options` are Popen's.
    """

    _pipe = -1

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        death: signal.Signals,
        user: str = "",
        mark: bytes = b"",
        patience: float = 10.0,
        **options: Any,
    ) -> None:
        theirs, self._pipe = os.pipe()
        told = {
            "pipe": theirs,
            "death": death,
            "patience": patience,
            "user": user,
            "mark": mark.decode(),
            "names": sorted(env),
        }
        try:
            super().__init__(
                [sys.executable, "-I", guard.__file__, json.dumps(told), *map(str, argv)],
                env=dict(env),
                pass_fds=[theirs],
                start_new_session=True,  # a Ctrl-C in the terminal is for us; we end our children ourselves
                **options,
            )
        except BaseException:
            self.forget()
            raise
        finally:
            os.close(theirs)

    def forget(self) -> None:
        """End what is left of the group. A second call does nothing."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)

    def stay(self) -> None:
        """From now on it outlives this process."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, guard.STAY)
        self.forget()
        self.returncode = 0  # it is nobody's child: no reason to warn that it still runs


def start(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    death: signal.Signals,
    cwd: Path | None = None,
    user: str = "",
) -> Child:
    """Start a program with its output in `log`; see Child."""
    with log.open("ab") as output:
        return Child(
            argv,
            env=env,
            death=death,
            user=user,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def stop(child: Child, number: signal.Signals, seconds: float = 10.0) -> None:
    """Ask a child to end, and end it if it hasn't within `seconds`; then what is left of its group."""
    if child.poll() is None:
        child.send_signal(number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    child.forget()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_free(port: int) -> None:
    """Raise SandboxError where somebody listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SandboxError(
                f"Port {port} of {HOST} is taken ({error.strerror}).",
                "Choose another with --port, or leave it out for a free one.",
            ) from None


def signs(child: Child, log: Path) -> object:
    """What tells that a child works: see pipeline.standstill."""
    return log.stat().st_size, activity(child.pid)


def wait_for_port(port: int, child: Child, name: str, log: Path, patience: float = PATIENCE) -> None:
    """Wait until `child` listens. Raises SandboxError when it ends first, or stands still for `patience` seconds."""
    stillness = Stillness(patience)
    while not stillness.over(lambda: signs(child, log)):
        if child.poll() is not None:
            raise SandboxError(
                f"{name} ended with status {child.returncode} while starting.", last_lines(log)
            )
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.02)
    raise SandboxError(
        f"{name} does not listen on port {port}, and stood still for {patience:.0f} seconds.", last_lines(log)
    )


def last_lines(log: Path, count: int = 8) -> str:
    """Where a log is, and its last lines."""
    lines = log.read_text(errors="replace").splitlines()[-count:] if log.exists() else []
    return "\n".join([f"The log is {log}", *(f"  | {line}" for line in lines)])
