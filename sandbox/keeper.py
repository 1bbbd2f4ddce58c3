"""The process that holds what `up` started: it outlives the command, and ends with everything it started."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pipeline.base.errors import PipelineError
from pipeline.base.run import CHECKOUT, run, tool
from sandbox import desk
from sandbox.accounts import accounts
from sandbox.errors import SandboxError
from sandbox.state import Running, Sandbox, running

_STAY = b"stay\n"


def up(folder: Path, port: int, say: Callable[[str], None]) -> Running:
    """Start a sandbox that stays after this process. Raises SandboxError.

    Until it is up it hangs on a pipe from here: however this process ends before that, it ends too.
    """
    words = [sys.executable, "-P", "-m", "sandbox", "keep", str(folder), str(port)]
    keeper = subprocess.Popen(
        words,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    if keeper.stdin is None or keeper.stdout is None:
        raise RuntimeError("a process with two pipes has none")
    with keeper.stdin, keeper.stdout:
        try:
            found = _hear(keeper.stdin, keeper.stdout, folder, say)
        except BaseException:
            keeper.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                keeper.wait(20)
            raise
    keeper.returncode = 0  # from now on it is nobody's child: no reason to warn that it still runs
    return found


def _hear(stdin: IO[bytes], stdout: IO[bytes], folder: Path, say: Callable[[str], None]) -> Running:
    for line in stdout:
        said = json.loads(line)
        if "error" in said:
            raise SandboxError(said["error"], said["hint"])
        if "say" in said:
            say(said["say"])
        else:
            stdin.write(_STAY)
            break
    found = running(folder)
    if found is None:
        raise SandboxError("The sandbox ended while it started.", f"Look into {folder / 'logs'}.")
    return found


def keep(folder: Path, port: int) -> int:
    """Hold a sandbox until SIGTERM; what `up` runs. Speaks JSON lines on stdout, listens on stdin."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        with (
            Sandbox(folder, port=port, accounts=accounts(), say=lambda text: _tell(say=text)) as box,
            desk.opened(folder, box.github),
        ):
            # What `make install` fetched needn't be fetched by each job; a lock that was changed needs the network.
            cache = {"UV_CACHE_DIR": run([tool("uv"), "cache", "dir"]).stdout.strip()}
            box.github.aws = {**box.aws.variables(), **cache}
            _tell(ready=True)
            if sys.stdin.buffer.readline() != _STAY:
                return 1  # whoever started us is gone
            _leave_terminal()
            while True:
                signal.pause()
    except PipelineError as error:
        _tell(error=error.message, hint=error.hint)
        return 2
    except KeyboardInterrupt:
        return 0


def _tell(**said: object) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(said), flush=True)


def _leave_terminal() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
