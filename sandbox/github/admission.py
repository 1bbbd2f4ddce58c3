"""Says which job asks for a token, whether it may have one, and with which claims."""

import re
from dataclasses import dataclass
from typing import Any

from pipeline.source.expressions import Unknown
from pipeline.source.workflows import Workflow
from sandbox import processes
from sandbox.github import permissions, protection
from sandbox.github.act import Process
from sandbox.github.claims import SubjectForm, claims
from sandbox.github.event import Event, Repository
from sandbox.github.log import RunningJob
from sandbox.github.workflow import RunJob
from sandbox.loopback import Connection
from sandbox.oidc import RefusedError

_FOLDER = re.compile(r"/act/([0-9a-f]{16})(?:/|$)")


@dataclass(frozen=True)
class Admission:
    """What the issuer must know of one run of a workflow. Called with a connection, it gives claims."""

    repository: Repository
    event: Event
    workflow: Workflow
    jobs: tuple[RunJob, ...]
    rules: dict[str, protection.Rule]
    form: SubjectForm
    run_id: int
    run_number: int
    process: Process

    def __call__(self, ends: Connection) -> dict[str, Any]:
        """The claims of the job whose process opened this connection. Raises RefusedError."""
        running, fitting = self._asking(ends)
        found = [self.of(job, running) for job in fitting]
        if any(each | _OWN != found[0] | _OWN for each in found):
            raise RefusedError(
                f"{len(fitting)} jobs of this run could be {running.name}, with different claims. "
                "Give the calling jobs different names."
            )
        return found[0]

    def permissions(self, ends: Connection) -> dict[str, str]:
        """What the job whose process opened this connection may do: the level of each scope.

        Where several jobs could be the one, what all of them may. Raises RefusedError.
        """
        _, fitting = self._asking(ends)
        levels = ("none", "read", "write")
        allowed = [self._allowed(job) for job in fitting]
        return {
            scope: min((each[scope] for each in allowed), key=levels.index) for scope in permissions.SCOPES
        }

    def asking(self, ends: Connection) -> tuple[RunningJob, RunJob]:
        """The job whose process opened this connection: as act knows it, and as it is written. Raises RefusedError."""
        running, fitting = self._asking(ends)
        return running, fitting[0]

    def _allowed(self, job: RunJob) -> dict[str, str]:
        if self.event.name == "pull_request" and (self.event.fork or self.event.actor == "dependabot[bot]"):
            return permissions.of_fork(job.permissions)
        return job.permissions

    def of(self, job: RunJob, running: RunningJob | None = None) -> dict[str, Any]:
        """The claims of a job of this run. Raises RefusedError where GitHub gives it none."""
        name = running.name if running else "/".join(job.path)
        if self._allowed(job)["id-token"] != "write":
            raise RefusedError(
                f"The job {name} has no permission `id-token: write` "
                f"({'a pull request from a fork never has' if self.event.fork else job.workflow.file}). "
                "On GitHub it wouldn't know where to ask."
            )
        try:
            environment = job.environment(running.matrix if running else {})
        except Unknown as error:
            raise RefusedError(
                f"The environment of the job {name} can't be worked out: {error}. "
                "Name it by a literal, an input, `github`, `vars` or `matrix`."
            ) from error
        refusal = protection.refusal(self.rules, environment, self.event.ref) if environment else ""
        if refusal:
            raise RefusedError(refusal)
        return claims(
            self.repository,
            self.event,
            workflow=self.workflow.title,
            workflow_path=self.workflow.file,
            job_workflow=f"{job.workflow.file}@{job.source.ref}",
            job_workflow_sha=job.source.commit,
            environment=environment,
            run_id=self.run_id,
            run_number=self.run_number,
            form=self.form,
        )

    def _asking(self, ends: Connection) -> tuple[RunningJob, list[RunJob]]:
        """The job to which the process at the other end belongs, and those of the workflow that it can be.

        A step can set GITHUB_JOB to what it likes, so the environment proves nothing. act starts each step
        with a path below the folder that it made for that job, and says in its log whose folder it is.
        """
        act = self.process.pid
        pid = processes.owner_of_connection(*ends, among=processes.descendants(act))
        if not pid:
            raise RefusedError("The request comes from no process of the run that this bearer token is for.")
        ancestors = processes.line(pid)
        step = ancestors[ancestors.index(act) - 1] if act in ancestors[1:] else pid
        words = [*processes.arguments(step), str(processes.folder(step))]
        folder = next((found.group(1) for word in words if (found := _FOLDER.search(word))), "")
        running = self.process.log.job_in(folder) if folder else None
        if running is None:
            raise RefusedError(f"Process {pid} belongs to no job that act told of.")
        fitting = [job for job in self.jobs if job.id == running.id and calls(job, running.name)]
        if not fitting:
            raise RefusedError(f"The job {running.name} is in no workflow of this run.")
        return running, fitting


# What differs between two tokens of the same job.
_OWN = dict.fromkeys(("jti", "iat", "nbf", "exp"))


def calls(job: RunJob, name: str) -> bool:
    """Whether `name`, as act writes it in its log, can be this job's: CALLER/WORKFLOW/JOB or WORKFLOW/JOB.

    act puts `-1`, `-2` behind the names of a matrix's jobs.
    """
    workflow = str(job.workflow.data.get("name") or job.workflow.name)
    caller = f"{re.escape(job.callers[-1])}(?:-\\d+)?/" if job.callers else ""
    return re.match(f"{caller}{re.escape(workflow)}/", name) is not None
