"""What `children.Child` runs: it leaves a watcher behind, drops root's rights, and becomes the program.

The watcher holds the read end of a pipe whose other end the parent alone holds. When that closes, by whatever end
of the parent, it ends the program, what that has started, and itself. The program keeps the id that the parent
knows. A Mac's kernel offers no signal for a parent's death; the end of a pipe is told everywhere.
"""

import contextlib
import json
import os
import pwd
import signal
import sys
import time
from pathlib import Path
from typing import Any

STAY = b"stay"


def main(options: dict[str, Any], argv: list[str]) -> None:
    """Become `argv`. `options` are those of `children.Child`, `pipe` the number of the read end."""
    if os.fork() == 0:  # the one between, so that the program gets no child that it doesn't know
        if os.fork() == 0:
            try:
                _watch(options)
            finally:
                os._exit(0)
        os._exit(0)
    os.wait()
    os.close(options["pipe"])
    # What runs in a shell's background ignores SIGINT, and hands that down: the program would never hear it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if options["user"]:
        entry = pwd.getpwnam(options["user"])
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # Python may have added LC_CTYPE to what it was given (PEP 538).
    environment = {name: value for name, value in os.environ.items() if name in options["names"]}
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - that is its purpose
    except OSError as error:
        print(f"{argv[0]} can't be started: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def _watch(options: dict[str, Any]) -> None:
    """Wait for the end of the pipe, then end the program and its group, this process among it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # whoever reads the program's output waits for its end
        os.dup2(nowhere, descriptor)
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from sandbox import processes  # now: later the checkout may be another, or gone

    if os.read(options["pipe"], len(STAY)) == STAY:
        return
    leader = os.getpgrp()  # while this process is in it, nobody else gets the number
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(leader, options["death"])
    until = time.monotonic() + options["patience"]
    while processes.alive(leader) and time.monotonic() < until:
        time.sleep(0.02)
    if options["mark"]:
        processes.end(leader, options["mark"].encode(), grace=0)
    os.killpg(leader, signal.SIGKILL)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
