"""The laptop's GitHub as one object: commit, open, merge, tag, and run what an event starts."""

import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.base.standstill import PATIENCE
from pipeline.source.workflows import FOLDER, Workflow
from sandbox import processes
from sandbox.github import act, adapted, protection, trigger
from sandbox.github import event as events
from sandbox.github import workflow as workflows
from sandbox.github.act import JobResult, Processes, WorkflowRun
from sandbox.github.api import Api
from sandbox.github.claims import SubjectForm
from sandbox.github.concurrency import Queue
from sandbox.github.event import Event, PullRequest, Repository
from sandbox.github.gate import Approvals
from sandbox.github.log import Progress
from sandbox.github.repository import Remote
from sandbox.github.runner import Runner, Setting
from sandbox.github.workflow import Source, Sources
from sandbox.oidc import Issuer

STAND_INS = Path(__file__).resolve().parent.parent / "actions"
_FIRST_RUN = 9_000_000_001  # ids as long as GitHub's


@dataclass(frozen=True)
class Run:
    """What an event started: one entry a workflow, none where no trigger matched."""

    event: Event
    workflows: tuple[WorkflowRun, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every workflow succeeded (also where none started)."""
        return all(run.conclusion == "success" for run in self.workflows)

    @property
    def exit_status(self) -> int:
        """0 where every workflow succeeded, else 1."""
        return 0 if self.ok else 1

    @property
    def jobs(self) -> tuple[JobResult, ...]:
        """The jobs of every workflow."""
        return tuple(job for run in self.workflows for job in run.jobs)

    @property
    def summaries(self) -> tuple[str, ...]:
        """The step summaries, in the order in which they were written."""
        return tuple(text for run in self.workflows for text in run.summaries)

    @property
    def log(self) -> Path | None:
        """The log to read first: that of a workflow that failed, else of the first."""
        ordered = sorted(self.workflows, key=lambda run: run.conclusion == "success")
        return ordered[0].log if ordered else None


class GitHub:
    """A repository on this machine, whose workflows run by act.

    `source` is the work tree whose files become the first commit; `state` the folder for everything that is
    made (an existing one is replaced by `create`); `aws` what jobs get to reach AWS; `actions` maps
    `OWNER/REPO@REF` to a folder that takes the stand-in's place; `form` is the subject's form; `variables` are
    the repository's (`vars`); `progress` hears what each job does. Use it as a context manager: leaving it ends
    every run, the issuer and the API.
    """

    def __init__(
        self,
        source: Path,
        state: Path,
        *,
        aws: Mapping[str, str] | None = None,
        actions: Mapping[str, Path] | None = None,
        form: SubjectForm = "names",
        repository: Repository,
        toolchain: Path = CHECKOUT,
        progress: Progress | None = None,
    ) -> None:
        self.source = source
        self.state = state.resolve()
        self.aws = dict(aws or {})
        self.actions = dict(actions or {})
        self.form: SubjectForm = form
        self.repository = repository
        self.rules = protection.read(source, repository.branch)
        self.toolchain = toolchain
        self.progress: Progress = progress or (lambda job, step: None)
        self.remote = Remote(self.state / "git", self.repository)
        self.issuer = Issuer(self.state)
        self.api = Api(self.repository)
        self.variables = self.api.records.variables
        self.api.records.rules = self.rules
        self.api.records.owners = protection.owners(source)
        self.approvals = Approvals(self.api.records, self.rules)
        self._queue = Queue()
        self._running = Processes()
        self._started = 0
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create(self) -> str:
        """Make the remote and the scratch clone, and start the issuer; returns the first commit."""
        sweep(self.state)
        shutil.rmtree(self.state / "runs", ignore_errors=True)
        shutil.rmtree(self.state / "trees", ignore_errors=True)
        commit = self.remote.create(self.source)
        self.issuer.start()
        self.api.start()
        return commit

    def cancel(self) -> None:
        """Cancel every run, as a person does on their pages."""
        self._running.each(act.Process.cancel)

    def close(self) -> None:
        """End what runs. The remote, the logs and the artifacts stay."""
        self._running.cancel()
        self.issuer.stop()
        self.api.stop()

    def commit(
        self,
        message: str,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = "",
        author: str = "alice",
    ) -> str:
        """Commit new contents by path (None deletes) on a branch of the scratch clone, unpushed."""
        return self.remote.commit(message, files, branch=branch, author=author)

    def push(self, branch: str = "", *, actor: str = "alice", force: bool = False) -> Event:
        """Push a branch, the default branch unless one is named; returns the event."""
        return self.remote.push(branch, actor=actor, force=force)

    def tag(self, name: str, commit: str = "", *, annotated: bool = True, actor: str = "alice") -> Event:
        """Make and push a tag; returns the event."""
        return self.remote.tag(name, commit, annotated=annotated, actor=actor)

    def open_pull_request(
        self, branch: str, title: str, *, author: str = "alice", fork: Repository | None = None
    ) -> PullRequest:
        """Push a branch and open a pull request into the default branch."""
        number = self.api.records.number()
        request = self.remote.open_pull_request(branch, title, number=number, author=author, fork=fork)
        self.api.records.open_pull(request)
        return request

    def update_pull_request(self, request: PullRequest) -> PullRequest:
        """Push what was committed on a pull request's branch since; returns it as it is now."""
        updated = self.remote.update_pull_request(request)
        self.api.records.open_pull(updated)
        return updated

    def review(self, request: PullRequest, reviewer: str | None, state: str = "APPROVED") -> None:
        """Review a pull request: APPROVED, CHANGES_REQUESTED or COMMENTED."""
        self.api.records.review(request.number, reviewer, state)

    def pull_request_event(self, request: PullRequest, action: str = "opened") -> Event:
        """The event of an activity on a pull request, which is merged with its base as it is now."""
        return self.remote.refresh(request).event(self.repository, action)

    def queue(self, request: PullRequest) -> Event:
        """Put a pull request into the merge queue; returns the event that asks for its checks."""
        return self.remote.queue(request)

    def merge(self, request: PullRequest, *, actor: str = "bob") -> Event:
        """Merge a pull request into its base and push; returns the event."""
        event = self.remote.merge(request, actor=actor)
        self.api.records.merge_pull(request.number, event.sha, actor)
        return event

    def dispatch(
        self, workflow: str, inputs: Mapping[str, str], *, ref: str = "", actor: str = "bob"
    ) -> Event:
        """The event of starting `workflow` (its file name) by hand. Raises ConfigurationError for bad inputs."""
        ref = ref or self.repository.branch
        commit = self.remote.head(ref)
        path = f"{FOLDER}/{workflow}"
        values = trigger.inputs(workflows.load(self._tree(commit), path), inputs)
        kind = "tags" if self.remote.git("tag", "--list", ref) else "heads"
        return events.dispatch(self.repository, path, f"refs/{kind}/{ref}", commit, actor, values)

    def schedule(self, cron: str) -> Event:
        """The event of a cron line that fell due, on the default branch."""
        return events.schedule(self.repository, cron, self.remote.head(self.repository.branch))

    def run(self, event: Event, *, patience: float = PATIENCE) -> Run:
        """Run every workflow that `event` starts, side by side; one that stands still for `patience` seconds is ended.

        Raises ConfigurationError where a workflow can't be read, or names an action without a stand-in. A
        run that fails is no error: see the result.
        """
        start = time.monotonic()
        self._running.open()
        tree, branch = self._tree(event.sha), self.repository.branch
        newest = self.remote.head(f"origin/{branch}")
        sources = Sources(
            self._source(event.ref, event.sha),
            self._source(self.repository.branch_ref, newest),
            (self.repository.full_name, branch),
        )
        started = [found for found in workflows.all_of(tree) if trigger.starts(found, event)]
        actions = self._mapped(sources) if started else {}
        with ThreadPoolExecutor(max_workers=max(1, len(started))) as pool:
            futures = [pool.submit(self._run, event, sources, found, actions, patience) for found in started]
            try:
                runs = tuple(future.result() for future in futures)
            except BaseException:
                self._running.cancel()
                raise
        return Run(event, runs, time.monotonic() - start)

    def _tree(self, commit: str) -> Path:
        """The files at `commit`, where act reads workflows from; jobs check out for themselves."""
        folder = self.state / "trees" / commit
        with self._lock:
            if not folder.exists():
                partial = folder.with_suffix(".part")
                shutil.rmtree(partial, ignore_errors=True)
                partial.parent.mkdir(parents=True, exist_ok=True)
                self.remote.checkout(commit, partial)
                partial.rename(folder)
        return folder

    def _for_act(self, commit: str) -> Path:
        """The tree of a commit with its workflows as act takes them."""
        tree, folder = self._tree(commit), self.state / "trees" / f"{commit}.act"
        with self._lock:
            if not folder.exists():
                partial = folder.with_suffix(".part")
                shutil.rmtree(partial, ignore_errors=True)
                self.remote.checkout(commit, partial)
                for workflow in workflows.all_of(tree):
                    adapted.write(workflow, partial / workflow.file, self.repository.full_name, commit)
                partial.rename(folder)
        return folder

    def _source(self, ref: str, commit: str) -> Source:
        return Source(self._tree(commit), self._for_act(commit), ref, commit)

    def _mapped(self, sources: Sources) -> dict[str, Path]:
        """The folder of each action that the workflows name, and of the branch's workflows."""
        folders = {"@".join(sources.called): sources.branch.acts}
        used = workflows.actions(sources.branch.tree) | workflows.actions(sources.event.tree)
        for name, file in used.items():
            folder = self.actions.get(name) or STAND_INS / name.partition("@")[0]
            if not folder.is_dir():
                raise ConfigurationError(
                    f"{file} uses {name}, and the sandbox has no stand-in for it at {folder}.",
                    f"Write one there, or give a copy of the action: --action {name}=DIR",
                )
            folders[name] = folder.resolve()
        return folders

    def _run(
        self, event: Event, sources: Sources, workflow: Workflow, actions: Mapping[str, Path], patience: float
    ) -> WorkflowRun:
        with self._lock:
            self._started += 1
            order = self._started
            number = self._numbers[workflow.file] = self._numbers.get(workflow.file, 0) + 1
        setting = Setting(
            repository=self.repository,
            rules=self.rules,
            form=self.form,
            issuer=self.issuer,
            api=self.api,
            queue=self._queue,
            approvals=self.approvals,
            git_config=self.remote.config,
            toolchain=self.toolchain,
            aws=self.aws,
            variables=self.variables,
            progress=self.progress,
            running=self._running,
        )
        identity = _FIRST_RUN + order - 1
        folder = self.state / "runs" / f"{order:03}-{Path(workflow.file).stem}-{identity}"
        return Runner(setting, event, workflow, sources, folder, actions, identity, number).run(patience)


def sweep(state: Path) -> int:
    """End what a crash left running of the GitHub at `state`; returns how many processes that were."""
    return processes.kill(processes.carrying(act.mark(state.resolve() / "runs") + b"/"))
