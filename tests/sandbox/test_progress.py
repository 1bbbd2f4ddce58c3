"""What a person sees of a long step. No clock: the seconds are given."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, Completed, run
from sandbox.progress import Progress, rewrites


class Seen:
    """A progress with the seconds and the width of a test, and what it wrote."""

    def __init__(self, *, terminal: bool, every: float = 15.0, width: int = 80) -> None:
        self.seconds = 100.0
        self.text = ""
        self.wrote = threading.Event()
        self.progress = Progress(
            self._write, terminal=terminal, every=every, width=lambda: width, clock=lambda: self.seconds
        )

    def _write(self, text: str) -> None:
        self.text += text
        self.wrote.set()

    def after(self, seconds: float) -> str:
        """What is written when so many seconds have gone by."""
        self.seconds += seconds
        self.text = ""
        self.progress.tick()
        return self.text


def test_a_terminal_shows_one_line_that_rewrites_itself() -> None:
    """From the first moment: the step, its seconds, what runs in it; at its end the line goes."""
    seen = Seen(terminal=True)
    seen.progress.begin("4/21 merged")

    assert "\r\x1b[K     4/21 merged, 0 s" == seen.text
    seen.progress.inside("Deploy/lint", "Check out")
    assert "\r\x1b[K     4/21 merged, 1 s | Deploy/lint: Check out" == seen.after(1.2)
    seen.progress.inside("Deploy/test", "Set up job")
    seen.progress.inside("Deploy/lint", "Run the stage")
    assert (
        "\r\x1b[K     4/21 merged, 62 s | Deploy/test: Set up job, Deploy/lint: Run the stage"
        == seen.after(61.0)
    )
    seen.progress.inside("Deploy/test", "")
    assert "\r\x1b[K     4/21 merged, 63 s | Deploy/lint: Run the stage" == seen.after(1.0)
    seen.text = ""
    seen.progress.end()
    assert "\r\x1b[K" == seen.text
    assert "" == seen.after(30.0)


@pytest.mark.parametrize("width", [10, 40, 79])
def test_a_line_is_no_wider_than_the_terminal(width: int) -> None:
    """A second row would stay on the screen."""
    seen = Seen(terminal=True, width=width)
    seen.progress.begin("a step " * 20)

    assert width - 1 == len(seen.text.removeprefix("\r\x1b[K"))
    assert "\n" not in seen.text


def test_elsewhere_a_plain_line_comes_now_and_then() -> None:
    """None for a short step, then one each 15 seconds, without any control character."""
    seen = Seen(terminal=False)
    seen.progress.begin("4/21 merged")
    seen.progress.inside("Deploy/lint", "Check out")

    assert "" == seen.text
    assert "" == seen.after(14.9)
    assert "     4/21 merged, 15 s | Deploy/lint: Check out\n" == seen.after(0.1)
    assert "" == seen.after(14.0)
    assert "     4/21 merged, 31 s | Deploy/lint: Check out\n" == seen.after(2.0)
    seen.progress.end()
    assert "" == seen.after(60.0)


def test_what_was_heard_puts_a_plain_line_off() -> None:
    """Who hears something else needs none."""
    seen = Seen(terminal=False, every=30.0)
    seen.progress.begin("the tests run")
    seen.after(29.0)
    seen.progress.heard()

    assert "" == seen.after(29.0)
    assert "     the tests run, 59 s\n" == seen.after(1.0)


def test_a_new_step_knows_nothing_of_the_one_before() -> None:
    """A job that was ended with its run never says so."""
    seen = Seen(terminal=False)
    seen.progress.begin("one")
    seen.progress.inside("Deploy/lint", "Check out")
    seen.progress.begin("two")

    assert "     two, 20 s\n" == seen.after(20.0)


@pytest.mark.parametrize(
    ("terminal", "term", "expected"),
    [
        (True, "xterm-256color", True),
        (True, "dumb", False),
        (True, None, False),
        (False, "xterm-256color", False),
    ],
)
def test_a_line_is_rewritten_on_a_terminal_that_can(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str | None, expected: bool
) -> None:
    """A job's step has a terminal under act, and TERM=dumb: its log is for reading."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("TERM", raising=False)
    if term:
        monkeypatch.setenv("TERM", term)

    assert expected == rewrites(stream)


def test_it_ticks_by_itself_and_ends() -> None:
    """Within its context; afterwards nothing is written any more."""
    seen = Seen(terminal=True)
    with seen.progress:
        seen.progress.begin("a step")
        seen.wrote.clear()
        assert seen.wrote.wait(60)
    assert not seen.progress._thread.is_alive()
    assert seen.text.endswith("\r\x1b[K")


def shown(*words: str) -> Completed:
    """What the Makefile runs, by a Python without any package."""
    file = CHECKOUT / "sandbox/progress.py"
    return run([sys.executable, "-I", "-S", file, ".venv", *words], check=False)


@pytest.mark.outside
def test_a_program_that_does_its_work_says_nothing() -> None:
    """Only that it runs; its own words are for a failure."""
    done = shown("sh", "-c", "echo much; echo more >&2")

    assert (0, "", "") == (done.status, done.stdout, done.stderr)


@pytest.mark.outside
@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("echo no room >&2; exit 2", 2)])
def test_a_program_that_fails_is_heard(script: str, status: int) -> None:
    """With its status and its words."""
    done = shown("sh", "-c", script)

    assert (status, "no room\n" if "room" in script else "") == (done.status, done.stderr)


PARTS = ("browser", "postgresql")  # what npm fetches for the Makefile


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the Makefile reads, with a uv that installs nothing."""
    files = ("uv.lock", "pyproject.toml", ".python-version", "bin/install-uv.txt", "bin/digest.py")
    laid = (f"bin/{part}/{name}" for part in PARTS for name in ("package-lock.json", "unpack.py"))
    for name in ("Makefile", "bin/npm.py", *files, *laid):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((CHECKOUT / name).read_bytes())
    (tmp_path / "sandbox").symlink_to(CHECKOUT / "sandbox")
    uv = tmp_path / ".tools/uv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text("#!/bin/sh\necho no network\nexit 7\n")
    uv.chmod(0o755)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_says_first_what_will_happen(checkout: Path, target: str) -> None:
    """Before it installs anything: what comes, how long that takes, and how to end it."""
    done = run(["make", "--no-print-directory", target], cwd=checkout, check=False)
    before, installing, after = done.stdout.partition("installing .venv")

    assert "First the tools are installed: once" in before
    assert "minutes on two cores" in before
    assert (target == "demo") == ("Ctrl-C ends it at any moment" in before)
    assert installing
    assert "installing" not in after
    assert (2, True) == (done.status, "no network" in done.stderr)


@pytest.mark.slow
def test_what_is_installed_is_not_announced(checkout: Path) -> None:
    """As long as one environment lacks the lock's own stamp, something is installed."""
    python = Path(sys.base_prefix) / "bin"  # a version manager's script would take ten times as long
    own = {"PATH": os.pathsep.join([str(python), os.environ["PATH"]])}

    def announced(target: str) -> str:
        return run(["make", "--no-print-directory", "--dry-run", target], cwd=checkout, env=own).stdout

    stamp = next(
        line.split()[1] for line in announced("install").splitlines() if line.endswith("> .venv/.lock")
    )
    of_postgresql = ("bin/npm.py", "bin/postgresql/package-lock.json", "bin/postgresql/unpack.py")
    stamps = dict.fromkeys((".venv", ".tools/policy", ".tools/sam", ".tools/sandbox"), stamp) | {
        ".tools/postgresql": run(
            [sys.executable, "bin/digest.py", *of_postgresql], cwd=checkout
        ).stdout.strip()
    }
    for name, text in stamps.items():
        assert "First the tools are installed" in announced("demo")
        (checkout / name).mkdir(parents=True)
        (checkout / name / ".lock").write_text(f"{text}\n")

    assert "The tools are installed already." in announced("demo")
