"""Runs a program without a network: only this machine's loopback is there.

On Linux in a namespace of its own; on a Mac, where it was never tried, under a profile of its sandbox.

python tests/e2e/offline.py PROGRAM [ARGUMENT ...]
"""

import fcntl
import os
import socket
import struct
import sys

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # netdevice(7)
_INSIDE = "--inside"
# sandbox-exec(1): what Bazel's darwin-sandbox writes for an action that may use loopback alone.
_PROFILE = """(version 1)
(allow default)
(deny network*)
(allow network* (local ip "localhost:*"))
(allow network* (remote ip "localhost:*"))
(allow network* (remote unix-socket))
"""


def command(words: list[str]) -> list[str]:
    """The command that runs `words` without a network, also for a person who isn't root."""
    if sys.platform == "darwin":
        return ["/usr/bin/sandbox-exec", "-p", _PROFILE, *words]
    own = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return ["unshare", *own, "--net", sys.executable, os.path.abspath(__file__), _INSIDE, *words]  # noqa: PTH100


def loopback_up() -> None:
    """Switch 127.0.0.1 on: a new namespace begins with its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == [_INSIDE]:
        loopback_up()
        os.execvp(given[1], given[1:])  # noqa: S606 - the words are the caller's own
    run = command(given)
    os.execvp(run[0], run)  # noqa: S606 - as above
