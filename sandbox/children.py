"""Child processes that don't outlive this one: the kernel ends them when the thread that began them ends."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.progress import PATIENCE, Stillness, activity
from sandbox.errors import SandboxError

HOST = "127.0.0.1"


def start(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    death: str = "TERM",
    options: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start a program with exactly this environment, its output in `log`.

    It gets the signal `death` when this process dies, however that happens; none where `death` is empty.
    `options` go to setpriv.
    """
    setpriv = program("setpriv", "It is a part of util-linux: install that.")
    with log.open("ab") as output:
        return subprocess.Popen(
            [setpriv, "--pdeathsig", death or "clear", *options, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,  # a Ctrl-C in the terminal is for us; we end our children ourselves
        )


def program(name: str, hint: str) -> Path:
    """A program of this machine. Raises SandboxError."""
    found = shutil.which(name)
    if found is None:
        raise SandboxError(f"{name} is not on this machine.", hint)
    return Path(found)


def stop(child: subprocess.Popen[bytes], signal: int, seconds: float = 10.0) -> None:
    """Ask a child to end, and end it if it hasn't within `seconds`."""
    if child.poll() is None:
        child.send_signal(signal)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


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


def signs(child: subprocess.Popen[bytes], log: Path) -> object:
    """What tells that a child works: see pipeline.progress."""
    return log.stat().st_size, activity(child.pid)


def wait_for_port(
    port: int, child: subprocess.Popen[bytes], name: str, log: Path, patience: float = PATIENCE
) -> None:
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
