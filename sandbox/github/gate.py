"""What stands between a job and its first step: its concurrency group, its environment's approval, its deployment.

act knows none of these. So each job that has a group or an environment begins, in act's copy, with a step that asks
here and waits (see adapted.py); what it holds is given back when act tells that the job has ended. The group comes
first: a job that waits for its approval holds it, as on GitHub.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pipeline.source import expressions
from pipeline.source.expressions import Unknown
from sandbox.github import concurrency, protection
from sandbox.github.act import Process
from sandbox.github.event import Event, user
from sandbox.github.log import RunningJob
from sandbox.github.records import Records
from sandbox.github.workflow import RunJob
from sandbox.loopback import Reply

_LOOK = 0.2  # seconds


@dataclass
class Approvals:
    """The deployments that wait for a person. Where `at_once`, the first who may approve has done so already."""

    records: Records
    rules: dict[str, protection.Rule]
    at_once: bool = True
    waiting: dict[int, set[str]] = field(default_factory=dict)  # by run, the environments
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def decide(self, run: int, environment: str, reviewer: str, state: str = "approved") -> None:
        """Approve or reject what waits, as a person does in the run's page.

        Raises ValueError for who may not: somebody else than a reviewer, or who started the run.
        """
        record = self.records.runs[run]
        if not protection.may_approve(self.rules, environment, reviewer, record["actor"]["login"]):
            raise ValueError(f"{reviewer} may not approve {environment} in this run.")
        with self._changed:
            self._note(run, environment, reviewer, state)
            self._changed.notify_all()

    def wait(self, run: int, environment: str, actor: str, process: Process) -> str:
        """Wait until a person has decided; why it may not begin, '' when it may."""
        approver = protection.approver(self.rules, environment, actor)
        if approver is None:
            return f"{actor} can't approve their own deployment to {environment}."
        if not approver:
            return ""
        with self._changed:
            if self.at_once and not self._decided(run, environment):
                self._note(run, environment, approver, "approved")
            self.waiting.setdefault(run, set()).add(environment)
            status = self.records.runs[run]["status"]
            try:
                while not (decided := self._decided(run, environment)) and not process.reason:
                    self.records.runs[run]["status"] = "waiting"
                    self._changed.wait(_LOOK)
            finally:
                self.records.runs[run]["status"] = status
                self.waiting[run].discard(environment)
        if not decided:
            return "The run was cancelled."
        if decided["state"] == "rejected":
            return f"{decided['user']['login']} rejected the deployment to {environment}."
        return ""

    def _note(self, run: int, environment: str, reviewer: str, state: str) -> None:
        record = {
            "state": state,
            "comment": "",
            "user": user(reviewer),
            "environments": [{"name": environment}],
        }
        self.records.approvals.setdefault(run, []).append(record)

    def _decided(self, run: int, environment: str) -> dict[str, Any] | None:
        for found in self.records.approvals.get(run, []):
            if any(one["name"].lower() == environment.lower() for one in found["environments"]):
                return found
        return None


@dataclass
class Gate:
    """The gate of one run. `ended` holds the jobs that it kept out: how each ended, and why."""

    run: int
    event: Event
    process: Process
    queue: concurrency.Queue
    approvals: Approvals
    records: Records
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, running: RunningJob, job: RunJob) -> Reply:
        """Wait until the job may begin; the answer says why not, when it may not."""
        answered: list[Reply] = []
        told = threading.Event()

        def hold() -> None:
            try:
                self._hold(running, job, answered, told)
            finally:
                told.set()

        with self.process.held():
            threading.Thread(target=hold, daemon=True).start()
            told.wait()
        return answered[0] if answered else _refusal("The sandbox failed; its own output says why.")

    def _hold(self, running: RunningJob, job: RunJob, answered: list[Reply], told: threading.Event) -> None:
        contexts = {**job.contexts, "matrix": running.matrix}
        try:
            group = concurrency.of(job.jobs[-1].body, contexts)
            environment = job.environment(running.matrix)
        except Unknown as error:
            self._keep_out(running, "failure", str(error), answered)
            return
        with self.queue.turn(group, self.process.cancel, lambda: bool(self.process.reason)) as ours:
            if not ours:
                why = f"A newer job of the concurrency group {group.name} took its place."
                self._keep_out(running, "cancelled", why, answered)
                return
            self.records.enter(environment)
            deployment = self._deployment(job, environment, contexts)
            if environment:
                why = self.approvals.wait(self.run, environment, self.event.actor, self.process)
                if why:
                    self._say(deployment, "failure")
                    self._keep_out(running, "failure", why, answered)
                    return
            self._say(deployment, "in_progress")
            answered.append(Reply(HTTPStatus.OK, {"message": "The job may begin."}))
            told.set()
            result = self.process.log.end_of(running, self.process.has_ended)
            self._say(
                deployment, "success" if result == "success" else "failure", self._url(job, running, contexts)
            )

    def _keep_out(self, running: RunningJob, result: str, why: str, answered: list[Reply]) -> None:
        self.ended[running.name] = (result, why)
        answered.append(_refusal(why))

    def _deployment(self, job: RunJob, environment: str, contexts: Mapping[str, Any]) -> int:
        """The deployment that GitHub records for a job with an environment; 0 where it says `deployment: false`."""
        written = job.jobs[-1].body.get("environment")
        said = written.get("deployment", True) if isinstance(written, Mapping) else True
        wanted = expressions.interpolate(expressions.as_text(said), contexts) != "false"
        if not environment or not wanted:
            return 0
        return self.records.deployment(environment, self.event.ref_name, self.event.sha, self.event.actor)

    def _say(self, deployment: int, state: str, url: str = "") -> None:
        if deployment:
            self.records.deployment_status(deployment, state, url, self.run)

    def _url(self, job: RunJob, running: RunningJob, contexts: Mapping[str, Any]) -> str:
        written = job.jobs[-1].body.get("environment")
        url = written.get("url", "") if isinstance(written, Mapping) else ""
        steps = {name: {"outputs": outputs} for name, outputs in running.outputs.items()}
        try:
            return expressions.interpolate(str(url), {**contexts, "steps": steps})
        except Unknown:
            return ""


def _refusal(why: str) -> Reply:
    return Reply(HTTPStatus.FORBIDDEN, {"message": why})
