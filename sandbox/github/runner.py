"""Runs one workflow as GitHub would: its turn, its permissions, its environments' rules; then act."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import GateError
from pipeline.source.expressions import Unknown
from pipeline.source.workflows import Workflow
from sandbox.github import act, adapted, concurrency, protection, variables
from sandbox.github import event as events
from sandbox.github import workflow as workflows
from sandbox.github.act import JobResult, Process, WorkflowRun
from sandbox.github.admission import Admission
from sandbox.github.api import Api
from sandbox.github.claims import SubjectForm
from sandbox.github.event import Event, Repository
from sandbox.github.gate import Approvals, Gate
from sandbox.github.log import Log, Progress
from sandbox.github.records import now
from sandbox.github.workflow import RunJob, Sources
from sandbox.oidc import Issuer

_STILL = "The run stood still, without a line or processor time, and was ended: that is no verdict."


@dataclass(frozen=True)
class Setting:
    """What every run of one GitHub shares. `git_config` is the file that jobs get as their .gitconfig."""

    repository: Repository
    rules: dict[str, protection.Rule]
    form: SubjectForm
    issuer: Issuer
    api: Api
    queue: concurrency.Queue
    approvals: Approvals
    git_config: Path
    toolchain: Path
    aws: Mapping[str, str]
    variables: Mapping[str, str]
    progress: Progress
    running: act.Processes


@dataclass(frozen=True)
class Runner:
    """One run of one workflow. `sources` are where workflows are taken from, `folder` is the run's own."""

    setting: Setting
    event: Event
    workflow: Workflow
    sources: Sources
    folder: Path
    actions: Mapping[str, Path]
    id: int
    number: int

    def run(self, patience: float) -> WorkflowRun:
        """Run it until it ends, or stands still for `patience` seconds. A run that fails is a result, not an error."""
        start = time.monotonic()
        for name in ("artifacts", "home", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        contexts = variables.contexts(
            self.setting.repository, self.event, self.workflow, self.id, self.number, self.setting.variables
        )
        self._record("in_progress", None)
        try:
            jobs = workflows.reachable(self.sources, self.workflow, contexts)
            group = concurrency.of(self.workflow.data, contexts)
        except (GateError, Unknown) as error:  # GitHub tells such a run, and starts no job of it
            return self._unstarted("startup_failure", str(error))
        refused = self._refused(jobs)
        with (self.folder / "log.txt").open("w", encoding="utf-8") as text:
            text.write(
                f"{self.workflow.title} #{self.number}, {self.event.name} of {self.event.ref} at {self.event.sha}\n"
            )
            tokens = (secrets.token_urlsafe(32), f"ghs_{secrets.token_hex(18)}")
            log = Log(text, tokens, self.setting.progress)
            process = Process(log, act.mark(self.folder))
            gate = self._gate(process)
            with self.setting.queue.turn(group, process.cancel, lambda: bool(process.reason)) as ours:
                if not ours:
                    text.write("A newer run of the same concurrency group took its place.\n")
                    return self._result(process, 1, refused, gate, start)
                status = self._started(process, jobs, refused, tokens, contexts, gate, patience)
        return self._result(process, status, refused, gate, start)

    def _gate(self, process: Process) -> Gate:
        shared = self.setting
        return Gate(self.id, self.event, process, shared.queue, shared.approvals, shared.api.records)

    def _started(
        self,
        process: Process,
        jobs: list[RunJob],
        refused: Mapping[str, str],
        tokens: tuple[str, str],
        contexts: Mapping[str, Any],
        gate: Gate,
        patience: float,
    ) -> int:
        setting, (bearer, token) = self.setting, tokens
        shutil.copy(setting.git_config, self.folder / "home" / ".gitconfig")
        file = self._without(refused) if refused else self.sources.event.acts / self.workflow.file
        act.payload(self.event, self.folder)
        act.write(self.folder, "env", self._environment(contexts["github"], bearer))
        act.write(self.folder, "secrets", {"GITHUB_TOKEN": token})
        act.write(self.folder, "vars", setting.variables)
        argv = act.command(
            self.event.name,
            file,
            self.sources.event.acts,
            self.folder,
            self.event.actor,
            setting.repository.branch,
            self.actions,
        )
        environment = act.host_environment(self.folder, setting.toolchain)
        admission = Admission(
            setting.repository,
            self.event,
            self.workflow,
            tuple(jobs),
            setting.rules,
            setting.form,
            self.id,
            self.number,
            process,
        )
        setting.issuer.admit(bearer, admission)
        setting.api.admit(token, admission.permissions, lambda ends: gate(*admission.asking(ends)))
        setting.running.add(process)
        try:
            return process.run(argv, self.folder, environment, patience)
        finally:
            setting.running.discard(process)
            setting.issuer.dismiss(bearer)
            setting.api.dismiss(token)
            _tidy(self.folder)

    def _result(
        self, process: Process, status: int, refused: Mapping[str, str], gate: Gate, start: float
    ) -> WorkflowRun:
        conclusion = process.reason or ("success" if status == 0 else "failure")
        if conclusion == "failure" and {"cancelled"} == {result for result, _ in gate.ended.values()}:
            conclusion = "cancelled"
        if not process.pid:
            conclusion = "cancelled"
        self._record("completed", conclusion)
        top = f"{self.workflow.title}/"
        found = tuple(
            JobResult(
                job.name,
                job.id,
                gate.ended.get(job.name, (job.result, ""))[0],
                job.seconds,
                job.steps,
                gate.ended.get(job.name, ("", ""))[1]
                or (refused.get(job.id, "") if job.name.startswith(top) and job.result == "failure" else ""),
            )
            for job in act.results(process.log, process.reason)
        )
        return WorkflowRun(
            id=self.id,
            number=self.number,
            workflow=self.workflow.title,
            path=self.workflow.file,
            conclusion=conclusion,
            exit_status=status,
            seconds=time.monotonic() - start,
            jobs=found,
            summaries=tuple(process.log.summaries),
            annotations=tuple(process.log.annotations),
            errors=tuple(process.log.errors),
            log=self.folder / "log.txt",
            folder=self.folder,
            message=_STILL
            if conclusion == "timed_out"
            else "; ".join(sorted({one.message for one in found} - {""})),
        )

    def _unstarted(self, conclusion: str, message: str) -> WorkflowRun:
        self._record("completed", conclusion)
        log = self.folder / "log.txt"
        log.write_text(f"{self.workflow.title} #{self.number} was not started.\n{message}\n")
        return WorkflowRun(
            self.id, self.number, self.workflow.title, self.workflow.file, conclusion, 1, 0.0,
            (), (), (), (message,), log, self.folder, message,
        )  # fmt: skip

    def _record(self, status: str, conclusion: str | None) -> None:
        """What the API tells of the run."""
        event, repository = self.event, self.setting.repository
        self.setting.api.records.runs.setdefault(self.id, {"run_started_at": now()}).update(
            {
                "id": self.id,
                "name": self.workflow.title,
                "path": self.workflow.file,
                "run_number": self.number,
                "run_attempt": 1,
                "event": event.name,
                "head_branch": event.head_ref or event.ref_name,
                "head_sha": event.sha,
                "status": status,
                "conclusion": conclusion,
                "actor": events.user(event.actor),
                "triggering_actor": events.user(event.actor),
                "html_url": f"https://github.com/{repository.full_name}/actions/runs/{self.id}",
                "updated_at": now(),
            }
        )

    def _environment(self, github: Mapping[str, Any], bearer: str) -> dict[str, str]:
        """What every step of the run gets beside what act sets itself."""
        return {
            **variables.environment(github),
            "GITHUB_API_URL": self.setting.api.url,
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.setting.issuer.request_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
            "SANDBOX_ARTIFACTS": str(self.folder / "artifacts"),
            "SANDBOX_TOOLCHAIN": str(self.setting.toolchain),
            **self.setting.aws,
        }

    def _refused(self, jobs: list[RunJob]) -> dict[str, str]:
        """The jobs of the triggered file, by id, that an environment keeps from starting, and why."""
        found: dict[str, str] = {}
        for job in jobs:
            with contextlib.suppress(Unknown):  # then the issuer decides, when the job asks for a token
                for environment in sorted(job.environments() - {""}):
                    if why := protection.refusal(self.setting.rules, environment, self.event.ref):
                        found.setdefault(job.path[0], why)
        return found

    def _without(self, refused: Mapping[str, str]) -> Path:
        """A copy of the workflow in which a refused job fails at once, with GitHub's reason, as on GitHub."""
        jobs = dict(self.workflow.data["jobs"])
        for name, why in refused.items():
            written = jobs[name]
            kept = {key: written[key] for key in ("name", "if", "needs") if key in written}
            step = {
                "name": "Environment protection rules",
                "env": {"WHY": why},
                "run": 'echo "::error::$WHY"; exit 1',
            }
            jobs[name] = kept | {"runs-on": act.RUNNERS[0], "steps": [step]}
        path = self.folder / self.workflow.name
        document = {**self.workflow.data, "jobs": jobs}
        adapted.write(self.workflow, path, self.setting.repository.full_name, self.event.sha, document)
        return path


def _tidy(folder: Path) -> None:
    """Remove what jobs worked in; the log, the event and the artifacts stay."""
    for name in ("act", "home", "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("env", "secrets", "vars"):
        (folder / f"job.{name}").unlink(missing_ok=True)
