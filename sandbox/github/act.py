"""Runs one workflow by `act` in host mode, and says how its jobs ended."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.base import standstill
from pipeline.base.errors import ConfigurationError
from pipeline.base.run import tool
from sandbox import processes
from sandbox.children import Child
from sandbox.github.event import Event
from sandbox.github.log import Annotation, JobResult, Log, StepResult

__all__ = ["Annotation", "JobResult", "Process", "StepResult", "WorkflowRun"]

RUNNERS = ("ubuntu-24.04",)
# Programs of a runner that would ask github.com here: their stand-ins come before this machine's.
PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
PATIENCE_OF_A_CANCEL = (7.5, 2.5)  # seconds after SIGINT, and after SIGTERM
# What jobs get of this machine's environment: nothing that could hold a credential.
_KEPT = ("LANG", "LC_ALL", "TZ", "PYENV_ROOT", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class WorkflowRun:
    """How one workflow ended.

    `conclusion` is success, failure, cancelled, timed_out (it stood still and was ended: no verdict) or
    startup_failure (GitHub wouldn't have started it); `message` says why. `log` is what a person would read,
    `folder` holds it and the artifacts.
    """

    id: int
    number: int
    workflow: str
    path: str
    conclusion: str
    exit_status: int
    seconds: float
    jobs: tuple[JobResult, ...]
    summaries: tuple[str, ...]
    annotations: tuple[Annotation, ...]
    errors: tuple[str, ...]
    log: Path
    folder: Path
    message: str = ""

    @property
    def artifacts(self) -> Path:
        """The folder of what its jobs uploaded, each as NAME.zip."""
        return self.folder / "artifacts"


class Process:
    """One `act`. `log` may be asked while it runs; `mark` is what every process of the run carries."""

    def __init__(self, log: Log, mark: bytes) -> None:
        self.log = log
        self.mark = mark
        self.pid = 0
        self.reason = ""
        self.over = False
        self._held = 0
        self._lock = threading.Lock()

    def run(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], patience: float) -> int:
        """Run act until it ends and return its exit status; it is ended when it stands still for `patience` seconds."""
        with self._lock:  # who ends it meanwhile finds it ended or running, and nothing between
            if self.reason:
                return 1  # ended before it began
            process = Child(
                argv,
                cwd=folder,
                env=environment,
                death=signal.SIGINT,
                mark=self.mark,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            self.pid = process.pid
        with process:
            try:
                assert process.stdout is not None  # noqa: S101 - Popen was asked for it
                with standstill.watched(self._signs, lambda: self.end("timed_out"), patience):
                    for line in process.stdout:
                        self.log.take(line.decode(errors="replace"))
                    status = process.wait()
            except BaseException:
                self.end("cancelled")
                raise
            finally:
                self.over = True
                process.forget()
                with self._lock:  # whoever ended act may still be ending what its jobs left running
                    pass
        return status

    def _signs(self) -> object:
        waiting = (
            time.monotonic() if self._held else 0
        )  # who waits for others or for leave doesn't stand still
        return waiting, self.log.lines, standstill.activity(self.pid)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While a job of it waits for its turn, or for a person."""
        with self._lock:
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1

    def has_ended(self) -> bool:
        """Whether act has ended, or is being ended."""
        return self.over or bool(self.reason)

    def cancel(self, patience: tuple[float, float] = PATIENCE_OF_A_CANCEL) -> None:
        """Cancel it as a runner does: each step's first process, and that alone, hears SIGINT, then SIGTERM; then all
        of it is killed.

        Source: GitHub's "Workflow cancellation reference".
        """
        with self._lock:
            if self.reason:
                return
            self.reason = "cancelled"  # also where act ends by itself now, with its steps
        steps = processes.children(self.pid) if self.pid else []
        for number, seconds in zip((signal.SIGINT, signal.SIGTERM), patience, strict=True):
            for pid in filter(processes.alive, steps):
                processes.send(pid, number)
            until = time.monotonic() + seconds
            while time.monotonic() < until and any(map(processes.alive, steps)):
                time.sleep(0.05)
        with self._lock:
            if self.pid:
                processes.end(self.pid, self.mark)

    def end(self, reason: str) -> None:
        """End act, its jobs, and what they left running. `reason` becomes the conclusion."""
        with self._lock:
            if not self.reason:
                self.reason = reason
                if self.pid:
                    processes.end(self.pid, self.mark)


class Processes:
    """Those that run for one GitHub. Once they are cancelled, those that come too late are it too, until `open`."""

    def __init__(self) -> None:
        self._running: set[Process] = set()
        self._cancelled = False

    def open(self) -> None:
        """Let new ones run."""
        self._cancelled = False

    def add(self, process: Process) -> None:
        """One that is about to run."""
        self._running.add(process)
        if self._cancelled:
            process.end("cancelled")

    def discard(self, process: Process) -> None:
        """One that has ended."""
        self._running.discard(process)

    def each(self, act: Callable[[Process], None]) -> None:
        """Do something to each that runs, side by side."""
        threads = [threading.Thread(target=act, args=(process,)) for process in list(self._running)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def cancel(self) -> None:
        """End those that run, and those that are about to."""
        self._cancelled = True
        for process in list(self._running):
            process.end("cancelled")


def command(
    event: str,
    workflow: Path,
    tree: Path,
    folder: Path,
    actor: str,
    branch: str,
    actions: Mapping[str, Path],
) -> list[str]:
    """The command line: nothing is read from the tree but the workflows, nothing from the network."""
    argv = [
        str(tool("act")),
        event,
        "--json",
        "--verbose",
        "--directory",
        str(tree),
        "--workflows",
        str(workflow),
    ]
    argv += ["--eventpath", str(folder / "event.json"), "--actor", actor, "--defaultbranch", branch]
    argv += ["--action-cache-path", str(folder / "act"), "--no-cache-server", "--no-skip-checkout"]
    # Without these, act would read files of such names from the tree.
    for option, name in (("--env-file", "env"), ("--secret-file", "secrets"), ("--var-file", "vars")):
        argv += [option, str(folder / f"job.{name}")]
    argv += ["--input-file", os.devnull]
    for runner in RUNNERS:
        argv += ["--platform", f"{runner}=-self-hosted"]
    for name, path in sorted(actions.items()):
        argv += ["--local-repository", f"{name}={path}"]
    return argv


def write(folder: Path, name: str, values: Mapping[str, str]) -> None:
    """Write one of act's files of variables, for its owner alone.

    Raises ConfigurationError for a value that the file can't hold.
    """
    for key, value in values.items():
        if "'" in value or "\n" in value:
            raise ConfigurationError(f"The value of {key} holds a quote or a line end; jobs can't get it.")
    path = folder / f"job.{name}"
    path.touch(mode=0o600)
    path.write_text("".join(f"{key}='{value}'\n" for key, value in values.items()))


def host_environment(folder: Path, checkout: Path) -> dict[str, str]:
    """The environment that act starts with, and jobs see: this machine's programs, a home of their own."""
    home = folder / "home"
    path = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part]
    outside = [part for part in path if not Path(part).is_relative_to(checkout)]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "PATH": os.pathsep.join([str(PROGRAMS), *outside]),
        "HOME": str(home),
        # One for all runs of a sandbox, where GitHub gives each an empty one: what a job judged is known in the next.
        "XDG_CACHE_HOME": str(folder.parent.parent / "cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "TMPDIR": str(folder / "tmp"),
        "UV_CACHE_DIR": str(folder.parent.parent / "uv-cache"),  # for a job whose lock isn't the laptop's
        "SANDBOX_RUN": str(folder),
        "ACT_DISABLE_VERSION_CHECK": "1",
        # A runner's folders lie in no repository; these may lie in the project's own.
        "GIT_CEILING_DIRECTORIES": str(home.parent.parent),
        # act gives steps a terminal, GitHub doesn't: nothing may page or colour.
        "TERM": "dumb",
        "PAGER": "cat",
    }


def results(log: Log, reason: str) -> tuple[JobResult, ...]:
    """The jobs that act told of, in the order in which they began."""
    found = []
    for job in log.jobs.values():
        if not job.begun and not job.result:
            continue  # a job that calls a workflow: the called jobs stand for it
        result = job.result or reason or "cancelled"
        if result == "failure" and job.matrix and job.steps:
            # act tells every job of a matrix that it failed when one of them did.
            result = "failure" if any(step.result == "failure" for step in job.steps) else "success"
        ended = job.ended or time.monotonic()
        found.append(JobResult(job.name, job.id, result, ended - job.started, tuple(job.steps)))
    return tuple(found)


def mark(folder: Path) -> bytes:
    """What every process of the runs below `folder` has in its environment: see `host_environment`."""
    return f"SANDBOX_RUN={folder}".encode()


def payload(event: Event, folder: Path) -> None:
    """Write the event file; act can't read one from a pipe.

    An annotated tag's `after` is its own object, GITHUB_SHA the commit. act takes the one for the other where the event
    says that nothing was deleted; else it asks git for the commit.
    """
    known = dict(event.payload)
    if known.get("after", event.sha) != event.sha:
        known.pop("deleted", None)
    (folder / "event.json").write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
