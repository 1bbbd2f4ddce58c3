"""The story is told without a network, and what takes it away can be seen to."""

import subprocess
import sys

import pytest

from tests.e2e import offline

pytestmark = pytest.mark.e2e
# Loopback answers; nothing else is there, not even a way: TEST-NET-1 of RFC 5737.
ASK = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
try:
    socket.create_connection(("192.0.2.1", 9), timeout=30).close()
except TimeoutError:
    print("a way, and no answer")
except OSError as error:
    print("no way")
"""


def test_only_loopback_is_there() -> None:
    """A server of its own is reached, an address outside is not even tried."""
    done = subprocess.run(
        offline.command([sys.executable, "-c", ASK]), capture_output=True, text=True, check=False
    )

    assert (0, "no way\n") == (done.returncode, done.stdout), done.stderr


def test_a_mac_has_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own program, with a profile that leaves loopback alone; no unshare is asked for."""
    monkeypatch.setattr(sys, "platform", "darwin")
    words = offline.command(["make", "demo"])

    assert ["/usr/bin/sandbox-exec", "-p", "make", "demo"] == [*words[:2], *words[3:]]
    assert words[2].startswith("(version 1)\n(allow default)\n(deny network*)\n")
    assert "unshare" not in " ".join(words)
