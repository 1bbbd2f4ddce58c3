"""The workflow files of a tree, and every job that a run of one can reach, with what it may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.source import expressions
from pipeline.source.located import DocumentError, read
from pipeline.source.runs import DEPTH, Reached, reached
from pipeline.source.workflows import FOLDER, Action, Call, Job, Workflow
from sandbox.github import permissions
from sandbox.github.permissions import Permissions


@dataclass(frozen=True)
class Source:
    """Where workflows are taken from: a commit that a ref names, its files in `tree`, in `acts` as act takes them."""

    tree: Path
    acts: Path
    ref: str
    commit: str


@dataclass(frozen=True)
class Sources:
    """The files that a run may take workflows from: its event's, and the branch's, which calls name by `called`
    (OWNER/REPOSITORY and the branch)."""

    event: Source
    branch: Source
    called: tuple[str, str]

    def of(self, jobs: tuple[Job, ...]) -> Source:
        """Where the workflow that the last of some jobs calls is taken from. Raises ConfigurationError."""
        source = self.event
        for job in jobs:
            call = Call.of(job.uses)
            if (call.repository, call.ref) == self.called:
                source = self.branch
            elif call.repository:
                raise ConfigurationError(
                    f"{_where(job)} calls {job.uses}.",
                    "The sandbox runs reusable workflows of this repository only: "
                    f"./FILE, or {self.called[0]}/FILE@{self.called[1]}.",
                )
        return source


@dataclass(frozen=True)
class RunJob:
    """A job that a run can reach: by its own file or through calls.

    `jobs` leads to it from the triggered workflow, `callers` are the names of those before it, `contexts` what its
    expressions may use (`github`, `inputs`, `vars`), `source` is where its own workflow was taken from.
    """

    jobs: tuple[Job, ...]
    callers: tuple[str, ...]
    permissions: Permissions
    contexts: Mapping[str, Any]
    source: Source

    @property
    def workflow(self) -> Workflow:
        return self.jobs[-1].workflow

    @property
    def path(self) -> tuple[str, ...]:
        """The ids from the triggered workflow's job to this one."""
        return tuple(job.id for job in self.jobs)

    @property
    def id(self) -> str:
        """The id in its own file, which is GITHUB_JOB."""
        return self.jobs[-1].id

    def environment(self, matrix: Mapping[str, Any] | None = None) -> str:
        """The name of its environment, empty for none. Raises Unknown where only the running job knows."""
        return expressions.interpolate(
            self.jobs[-1].environment, {**self.contexts, "matrix": {} if matrix is None else matrix}
        )

    def environments(self) -> set[str]:
        """Its environment in each combination of its matrix. Raises Unknown."""
        return {self.environment(row) for row in self.jobs[-1].combinations}


def load(root: Path, path: str) -> Workflow:
    """The workflow file `path` of the tree at `root`. Raises ConfigurationError, naming file and line."""
    try:
        document = read(root / path, path)
    except DocumentError as error:
        raise ConfigurationError(f"{path}:{error.line}: the workflow {error.message}") from error
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), dict) or "on" not in data:
        raise ConfigurationError(f"{path} is no workflow.", "A workflow has the keys `on` and `jobs`.")
    for job, written in data["jobs"].items():
        if not isinstance(written, dict):
            raise ConfigurationError(
                f"{path}:{document.line('jobs', job)}: the job `{job}` is not a mapping."
            )
    return Workflow(document)


def all_of(root: Path) -> list[Workflow]:
    """Every workflow of the tree at `root`, by file name."""
    return [load(root, f"{FOLDER}/{path.name}") for path in sorted((root / FOLDER).glob("*.y*ml"))]


def reachable(sources: Sources, workflow: Workflow, contexts: Mapping[str, Any]) -> list[RunJob]:
    """Every job that a run of `workflow` can reach, with what it may do.

    Raises GateError where GitHub wouldn't start the run (a callee asks for more than its caller has), and
    ConfigurationError for a callee that isn't there.
    """

    def callee(jobs: tuple[Job, ...]) -> Workflow:
        if len(jobs) > DEPTH:
            raise GateError(
                f"{jobs[-1].workflow.file}: workflows call each other more than {DEPTH} levels deep."
            )
        return load(sources.of(jobs).tree, Call.of(jobs[-1].uses).file)

    return [_run_job(sources, one) for one in reached(workflow, contexts, callee)]


def _run_job(sources: Sources, way: Reached) -> RunJob:
    allowed: Permissions | None = None
    for job in way.jobs:
        own = permissions.written(job.body, _where(job))
        of_workflow = permissions.written(job.workflow.data, job.workflow.file)
        allowed = permissions.effective(own, of_workflow, allowed, _where(job))
    callers = tuple(_label(job, known) for job, known in zip(way.jobs[:-1], way.contexts[:-1], strict=True))
    return RunJob(way.jobs, callers, allowed or {}, way.contexts[-1], sources.of(way.jobs[:-1]))


def _label(job: Job, contexts: Mapping[str, Any]) -> str:
    """The name that a job's callees carry in front of theirs."""
    try:
        return expressions.interpolate(str(job.body.get("name") or job.id), contexts)
    except expressions.Unknown:
        return job.id


def _where(job: Job) -> str:
    return f"{job.workflow.file}: job `{job.id}`"


def actions(root: Path) -> dict[str, str]:
    """Every third-party action that the workflows and local actions of `root` name: `OWNER/REPO@REF` to
    the file that names it first.
    """
    files = sorted((root / FOLDER).glob("*.y*ml")) + sorted((root / ".github/actions").rglob("action.y*ml"))
    found: dict[str, str] = {}
    for path in files:
        file = path.relative_to(root).as_posix()
        try:
            document = read(path, file)
        except DocumentError as error:
            raise ConfigurationError(f"{file}:{error.line}: {error.message}") from error
        holder = Workflow(document) if path.parent == root / FOLDER else Action(document)
        for step in holder.steps:
            name, at, ref = step.uses.partition("@")
            if at and not name.startswith(("./", "docker://")):
                found.setdefault("/".join(name.split("/")[:2]) + at + ref, file)
    return found
