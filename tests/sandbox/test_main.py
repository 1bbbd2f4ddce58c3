"""`python -m sandbox`."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from sandbox import __main__ as command
from sandbox import keeper, processes, state
from sandbox.errors import SandboxError
from tests.waiting import until


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's sandbox lives, in place of the checkout's."""
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "UP", tmp_path / "up")
    monkeypatch.setattr(command, "DEMO", tmp_path / "demo")
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path / "up"
    signal.signal(signal.SIGTERM, handler)
    state.clean(tmp_path / "up")


@pytest.mark.e2e
def test_up_status_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Up twice says that it is up; status shows it; down ends it, and nothing is left."""
    assert 0 == command.main(["up"])
    first = capsys.readouterr().out
    found = state.running(folder)
    assert found is not None
    assert "the sandbox is up\n" in first
    assert found.endpoint in first

    assert 0 == command.main(["up"])
    assert "the sandbox is up already\n" in capsys.readouterr().out
    assert state.running(folder) == found

    assert 0 == command.main(["status"])
    assert found.endpoint in capsys.readouterr().out

    os.kill(found.servers["postgres-prod"], signal.SIGKILL)
    until(lambda: not processes.alive(found.servers["postgres-prod"]), "the server's end")
    assert 1 == command.main(["status"])
    assert "postgres-prod has ended: look into" in capsys.readouterr().out

    assert 0 == command.main(["down"])
    assert "the sandbox is down\n" == capsys.readouterr().out
    assert not folder.exists()
    assert [] == [pid for pid in (found.owner, *found.servers.values()) if processes.alive(pid)]


def test_without_a_sandbox(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to show is status 1; nothing to end is no error."""
    assert 1 == command.main(["status"])
    assert 0 == command.main(["down"])

    assert ["no sandbox is up"] * 2 == capsys.readouterr().out.splitlines()
    assert not folder.exists()


def test_keys_for_the_real_aws_go_nowhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs this may have some: what is started inherits the environment without them."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("AWS_PROFILE", "admin")
    command.main(["status"])

    assert [] == [name for name in os.environ if name.startswith("AWS_")]
    assert "canary" not in str(capsys.readouterr())


@pytest.mark.e2e
def test_a_taken_port_stops_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, with the port and the way out; nothing runs afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status = command.main(["up", "--port", str(port)])

    said = capsys.readouterr().err
    assert 2 == status
    assert f"Port {port} of 127.0.0.1 is taken" in said
    assert "--port" in said
    assert None is state.running(folder)


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_up_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, or a kill, while `up` starts: the keeper and its servers end too."""
    code = (
        # A shell's background job ignores Ctrl-C, and hands that on to what it starts.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from pathlib import Path; from sandbox import keeper; keeper.up(Path({str(tmp_path / 'up')!r}), 0, print)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: state.running(tmp_path / "up"), "the sandbox's start", pause=0.01)
    starter.send_signal(number)
    starter.wait()

    until(lambda: state.running(tmp_path / "up") is None, "the sandbox's end")


@pytest.mark.parametrize("word", ["nonsense", "a/b=c", "a/b@1=/no/such/folder"])
@pytest.mark.usefixtures("folder")
def test_a_malformed_action_is_refused(capsys: pytest.CaptureFixture[str], word: str) -> None:
    """`--action` says what it wants."""
    assert 2 == command.main(["demo", "--action", word])
    assert "that is not OWNER/REPO@SHA=DIR" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_malformed_port_is_refused(capsys: pytest.CaptureFixture[str], port: str) -> None:
    """`--port` says what it wants."""
    with pytest.raises(SystemExit) as caught:
        command.main(["up", f"--port={port}"])

    assert 2 == caught.value.code
    assert "is no port: 1 to 65535" in capsys.readouterr().err


@pytest.mark.outside
def test_a_keeper_that_fails_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in the background is said in the foreground, with how to resolve it."""
    wrong = tmp_path / "python"
    wrong.write_text("""#!/bin/sh\necho '{"error": "no room", "hint": "make some"}'\n""")
    wrong.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrong))

    with pytest.raises(SandboxError, match="no room"):
        keeper.up(tmp_path / "up", 0, lambda _text: None)
