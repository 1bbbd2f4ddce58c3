"""Reads what `act --json` writes: jobs, steps, summaries, annotations; keeps a log without secrets."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from pipeline.base.standstill import PATIENCE

# The folder that act makes for one job, below its cache: the only sure tie between a process and a job.
_FOLDER = re.compile(r"/act/([0-9a-f]{16})/")
GATE = "Wait for GitHub's leave"  # the step that is no part of the workflow: see adapted.py
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class StepResult:
    """A step that ended: `success`, `failure` or `skipped`, with the seconds it took."""

    name: str
    result: str
    seconds: float


@dataclass(frozen=True)
class JobResult:
    """A job that ended: `success`, `failure`, `cancelled` or `skipped`, with its steps and seconds."""

    name: str
    id: str
    result: str
    seconds: float
    steps: tuple[StepResult, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Annotation:
    """An `::error::`, `::warning::` or `::notice::` of a step."""

    level: str
    message: str
    file: str = ""
    line: str = ""


@dataclass
class RunningJob:
    """A job that act has started, as far as its log says."""

    name: str
    id: str
    matrix: Mapping[str, Any]
    started: float
    begun: bool = False
    doing: str = ""
    folder: str = ""
    result: str = ""
    ended: float = 0.0
    steps: list[StepResult] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)  # by step id


type Progress = Callable[[str, str], None]  # a job's name, and the step that it does now; empty at its end


class Log:
    """Takes act's lines one by one; what it keeps is written to `log` with every masked value as `***`."""

    def __init__(self, log: TextIO, secrets: tuple[str, ...], progress: Progress) -> None:
        self.jobs: dict[str, RunningJob] = {}
        self.summaries: list[str] = []
        self.annotations: list[Annotation] = []
        self.errors: list[str] = []
        self.lines = 0
        self._log = log
        self._masks = set(secrets)
        self._progress = progress
        self._told: set[tuple[str, ...]] = set()
        self._changed = threading.Condition()

    def take(self, line: str) -> None:
        """One line of act's output."""
        self.lines += 1
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            text = self.masked(line.rstrip("\n"))
            if text:
                self.errors.append(text)
                self._log.write(f"{text}\n")
            return
        with self._changed:
            self._record(record)
            self._changed.notify_all()
        self._log.flush()

    def job_in(self, folder: str, patience: float = PATIENCE) -> RunningJob | None:
        """The job whose folder has this name; waits for the line that tells, which act may not have come to."""
        until = time.monotonic() + patience
        with self._changed:
            while True:
                for job in self.jobs.values():
                    if job.folder == folder:
                        return job
                if not self._changed.wait(until - time.monotonic()):
                    return None

    def end_of(self, job: RunningJob, ended: Callable[[], bool]) -> str:
        """How a job ended; waits for it. '' where act ended without a word on it."""
        with self._changed:
            while not job.result and not ended():
                self._changed.wait(0.2)
        return job.result

    def masked(self, text: str) -> str:
        """A text with every secret that a step has masked as `***`."""
        for secret in sorted(self._masks, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _record(self, record: dict[str, Any]) -> None:
        command, message = record.get("command"), str(record.get("msg", ""))
        if command == "add-mask" and record.get("arg"):
            # act masks the message, and leaves the value in other fields of its record.
            self._masks |= {line for line in str(record["arg"]).splitlines() if line.strip()}
        name = str(record.get("job", "")).rstrip()
        job = self._job(name, record) if name else None
        debug = record.get("level") == "debug"
        if job:
            self._of_job(job, record, message)
        if command == "summary":
            self._summary(name, record)
        if command in ("error", "warning", "notice"):
            where = record.get("kvPairs") or {}
            text = self.masked(str(record.get("arg", "")))
            self.annotations.append(
                Annotation(command, text, str(where.get("file", "")), str(where.get("line", "")))
            )
        if record.get("level") in ("error", "fatal") and not command:
            self.errors.append(self.masked(message.strip()))
        repeated = bool(command) and not self._first(name, message)
        if not debug and not repeated and not _plumbing(message):
            prefix = f"[{name}] " if name else ""
            for line in self.masked(_COLOUR.sub("", message)).rstrip("\n").splitlines():
                self._log.write(f"{prefix}{line}\n")

    def _job(self, name: str, record: Mapping[str, Any]) -> RunningJob:
        if name not in self.jobs:
            matrix = record.get("matrix") or {}
            self.jobs[name] = RunningJob(name, str(record.get("jobID", "")), matrix, time.monotonic())
        job = self.jobs[name]
        if record.get("step") == "Set up job" and not record.get("stepResult"):
            job.begun, job.started = True, time.monotonic()  # before, act only looked whether it may start
            self._doing(job, "Set up job")
        return job

    def _of_job(self, job: RunningJob, record: Mapping[str, Any], message: str) -> None:
        if not job.folder and not record.get("raw_output"):
            found = _FOLDER.search(message)
            job.folder = found.group(1) if found else ""
        if record.get("stage") == "Main" and record.get("step") and not job.result:
            self._doing(job, str(record["step"]))
        if record.get("command") == "set-output" and len(record.get("stepID") or []) == 1:
            outputs = job.outputs.setdefault(str(record["stepID"][0]), {})
            outputs[str(record.get("name", ""))] = str(record.get("arg", ""))
        if record.get("jobResult"):
            job.result, job.ended = record["jobResult"], time.monotonic()
            self._progress(job.name, "")
        if record.get("stepResult") and record.get("stage") == "Main":
            self._step(job, record)

    def _doing(self, job: RunningJob, step: str) -> None:
        if job.doing != step:
            job.doing = step
            self._progress(job.name, self.masked(step.partition("\n")[0]))

    def _step(self, job: RunningJob, record: Mapping[str, Any]) -> None:
        if len(record.get("stepID") or []) != 1 or str(record.get("msg", "")).endswith("command"):
            return  # a step within a composite action: the step that uses it counts
        seconds = float(record.get("executionTime", 0)) / 1e9
        name = str(record.get("step", "")).partition("\n")[0]
        if name == GATE:
            return
        job.steps.append(StepResult(name, str(record["stepResult"]), seconds))

    def _summary(self, name: str, record: Mapping[str, Any]) -> None:
        # act tells a composite action's summary twice: for the inner step and for the outer one.
        content = self.masked(str(record.get("content", "")))
        if self._first(name, str((record.get("stepID") or [""])[0]), content):
            self.summaries.append(content)

    def _first(self, *what: str) -> bool:
        known = what in self._told
        self._told.add(what)
        return not known


def _plumbing(message: str) -> bool:
    return message.startswith("LocalRepositoryCache") or "container host and socket" in message
