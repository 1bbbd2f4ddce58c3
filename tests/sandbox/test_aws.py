"""The emulator's process, from outside."""

import socket
from pathlib import Path

import pytest

from sandbox import aws, children, processes
from sandbox.aws import Aws
from sandbox.errors import SandboxError
from tests.sandbox.shop import shop

pytestmark = pytest.mark.outside


def test_an_emulator_that_ends_at_once_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 2, and the log with its last lines."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho it can not be >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(aws, "_PYTHON", broken)
    emulator = Aws(tmp_path, tmp_path / "jwks.json")

    with pytest.raises(SandboxError, match="emulator ended with status 3") as caught:
        emulator.start()
    emulator.stop()

    assert 2 == caught.value.exit_code
    assert str(tmp_path / "logs" / "emulator.log") in caught.value.hint
    assert "it can not be" in caught.value.hint


def test_an_emulator_that_never_answers_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stands still is waited for so long and no longer, and ended."""
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 86400\n")
    silent.chmod(0o755)
    monkeypatch.setattr(aws, "_PYTHON", silent)
    monkeypatch.setattr(children.wait_for_port, "__defaults__", (0.3,))
    emulator = Aws(tmp_path, tmp_path / "jwks.json")

    with pytest.raises(SandboxError, match=r"does not listen on port \d+, and stood still"):
        emulator.start()
    pid = emulator.pid
    emulator.stop()

    assert not processes.alive(pid)


def test_without_the_emulator_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout without its tools names the command that installs them."""
    monkeypatch.setattr(aws, "_PYTHON", tmp_path / "nowhere" / "bin" / "python")

    with pytest.raises(SandboxError, match="The emulator is not in") as caught:
        Aws(tmp_path, tmp_path / "jwks.json").start()

    assert "make -C" in caught.value.hint


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """The port that was asked for is somebody else's."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"Port {port} of 127.0.0.1 is taken") as caught:
            Aws(tmp_path, tmp_path / "jwks.json", port).start()

    assert "--port" in caught.value.hint


def test_what_programs_are_told(tmp_path: Path) -> None:
    """Without an account no credentials; with one its root's, by environment and by number alike."""
    emulator = Aws(tmp_path, tmp_path / "jwks.json", 4566, accounts=shop(tmp_path / "shop"))
    told = emulator.variables()

    assert "https://localhost:4566" == told["AWS_ENDPOINT_URL"] == told["AWS_ENDPOINT_URL_EXECUTE_API"]
    assert "eu-west-1" == told["AWS_REGION"] == told["AWS_DEFAULT_REGION"]
    assert str(tmp_path / "aws" / "ca.pem") == told["AWS_CA_BUNDLE"] == told["NODE_EXTRA_CA_CERTS"]
    assert not [name for name in told if "KEY" in name or "TOKEN" in name]
    assert "222222222222" == emulator.root("prod")["AWS_ACCESS_KEY_ID"]
    assert emulator.root("prod") == emulator.root("222222222222")
    with pytest.raises(KeyError, match="neither an environment nor an account"):
        emulator.root("staging")
