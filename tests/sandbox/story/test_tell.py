"""How the story is told: ended at any moment, gone on with, and what is kept. The steps themselves: tests/e2e."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from pipeline.base.run import CHECKOUT
from sandbox import processes, state, story
from sandbox.story import Story
from sandbox.story.changes import MIGRATIONS
from sandbox.story.scene import ExpectationError
from tests.e2e.test_story import EVERY


class Box:
    """Stands for a sandbox: what was asked of it, in its order."""

    made: "Box"

    def __init__(self, folder: Path, *, actions: Mapping[str, Path] | None = None) -> None:
        Box.made = self
        assert not actions
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        self.folder = self.logs = folder
        self.github = SimpleNamespace(progress=None)
        self.aws = SimpleNamespace(pid=1)
        self.say: Callable[[str], None] | None = None
        self.asked: list[str] = []

    def stop(self) -> None:
        self.asked.append("stop")

    def leave(self) -> None:
        self.asked.append("leave")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Callable[[], str]]]:
    """The steps of the story, for a test to write; the sandbox is a Box."""
    written: list[tuple[str, Callable[[], str]]] = []
    monkeypatch.setattr(story, "Sandbox", Box)
    monkeypatch.setattr(Story, "steps", property(lambda _story: written))
    return written


def interrupted() -> str:
    raise KeyboardInterrupt


def failing() -> str:
    raise ExpectationError("it is red")


def test_a_story_that_is_told_ends_what_it_started(
    steps: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each step, and a record of them."""
    steps += [("one", lambda: "it is so"), ("two", lambda: "and so")]

    assert 0 == story.tell(tmp_path)
    assert ["stop"] == Box.made.asked
    assert ["one", "two"] == [step["name"] for step in json.loads((tmp_path / "story.json").read_text())]
    assert "begins anew" not in capsys.readouterr().out


@pytest.mark.parametrize(("last", "status"), [(lambda: "good", 0), (failing, 1)])
def test_what_shall_be_kept_stays(
    steps: list[Any], tmp_path: Path, last: Callable[[], str], status: int
) -> None:
    """Whether the story went well or not: there is something to look at."""
    steps += [("one", lambda: "it is so"), ("two", last)]

    assert status == story.tell(tmp_path, keep=True)
    assert ["leave"] == Box.made.asked


@pytest.mark.parametrize("keep", [True, False])
def test_an_interrupted_story_leaves_nothing_running(steps: list[Any], tmp_path: Path, keep: bool) -> None:
    """Also where it should have been kept: nobody has seen it through."""
    steps += [("one", lambda: "it is so"), ("two", interrupted), ("three", lambda: "never")]

    with pytest.raises(KeyboardInterrupt):
        story.tell(tmp_path, keep=keep)
    assert ["stop"] == Box.made.asked
    assert ["one"] == [step["name"] for step in json.loads((tmp_path / "story.json").read_text())]


@pytest.mark.parametrize("end", [interrupted, failing])
def test_the_next_story_says_that_it_begins_anew(
    steps: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], end: Callable[[], str]
) -> None:
    """And how far the one before came; it tells every step again."""
    told: list[str] = []

    def first() -> str:
        told.append("one")
        return "so"

    steps += [("one", first), ("two", end), ("three", lambda: "at last")]
    with contextlib.suppress(KeyboardInterrupt):
        story.tell(tmp_path)
    steps[1] = ("two", lambda: "now it goes")
    capsys.readouterr()

    assert 0 == story.tell(tmp_path)
    steps_told = 1 if end is interrupted else 2
    said = f"an earlier demo ended after {steps_told} of 3 steps; this one begins anew\n"
    assert said in capsys.readouterr().out
    assert ["one", "one"] == told


@pytest.mark.parametrize("text", ["", "{", "null", "7"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    """A machine that went out while it was written."""
    (tmp_path / "story.json").write_text(text)

    assert 0 == story.told_before(tmp_path)
    assert 0 == story.told_before(tmp_path / "nowhere")


DEMO = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from sandbox import __main__ as command
command.DEMO = Path(sys.argv[1])
sys.exit(command.main(["demo"]))
"""


def wait_for(condition: Callable[[], Any], patience: float = 300.0) -> Any:
    """What a condition gives once it gives something; the limit is there for what never does."""
    until = time.monotonic() + patience
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


@contextmanager
def demo(folder: Path, output: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`make demo`'s program, until it runs a job of the first pull request."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with output.open("wb") as log:
        words = [sys.executable, "-P", "-c", DEMO, str(folder)]
        with subprocess.Popen(words, cwd=CHECKOUT, env=env, stdout=log, stderr=log) as started:
            try:
                assert wait_for(lambda: processes.carrying(f"SANDBOX_RUN={folder}".encode())), (
                    output.read_text()
                )
                yield started
            finally:
                started.kill()


def of(folder: Path) -> list[int]:
    """Every process that belongs to the sandbox in a folder."""
    known = state.running(folder)
    servers = [pid for pid in (known.servers.values() if known else ()) if pid]
    named = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            words = " ".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            continue
        if str(folder) in words and pid != os.getpid():
            named.append(pid)
    return sorted({*servers, *named})


@pytest.mark.e2e
@pytest.mark.proof
def test_a_demo_can_be_ended_and_gone_on_with(tmp_path: Path) -> None:
    """Ctrl-C, twice, in the middle of a job: nothing runs, nothing is half there. Then again, and a kill."""
    folder, output = tmp_path / "demo", tmp_path / "output"
    with demo(folder, output) as started:
        running = of(folder)
        started.send_signal(signal.SIGINT)
        time.sleep(0.3)
        started.send_signal(signal.SIGINT)
        status = started.wait()

    assert (130, True) == (status, len(running) > 5)
    assert not [pid for pid in {*running, *of(folder)} if processes.alive(pid)]
    assert "sandbox: interrupted; what was started has been ended\n" in output.read_text()
    assert not (folder / "state.json").exists()
    assert not list(folder.glob("postgres-*"))

    with demo(folder, output) as started:
        running = of(folder)
        started.kill()
        started.wait()
    assert re.search(
        r"^an earlier demo ended after 1 of \d+ steps; this one begins anew$",
        output.read_text(),
        re.MULTILINE,
    )
    assert wait_for(lambda: not [pid for pid in {*running, *of(folder)} if processes.alive(pid)], 60)
    data = [home.resolve() for home in folder.glob("postgres-*")]
    assert state.clean(folder)
    assert [2, 0] == [len(data), len([path for path in data if path.exists()])]


@pytest.mark.parametrize(
    ("ledger", "migrates", "left_out"),
    [
        (True, True, set()),
        (False, True, {"the ledger lists what happened"}),
        (True, False, {"a failing migration: the previous version serves"}),
        (
            False,
            False,
            {"the ledger lists what happened", "a failing migration: the previous version serves"},
        ),
    ],
)
def test_what_an_application_lacks_is_not_told(
    tmp_path: Path, ledger: bool, migrates: bool, left_out: set[str]
) -> None:
    """A step that asks for it is left out; the rest is told in its order."""
    if migrates:
        (tmp_path / MIGRATIONS).mkdir(parents=True)
    box: Any = SimpleNamespace(
        application=SimpleNamespace(ledger=ledger), github=SimpleNamespace(source=tmp_path)
    )
    told = [name for name, _ in Story(box).steps]

    assert [one for one in EVERY if one not in left_out] == told
