"""The laptop's GitHub as one object: commit, open, merge, tag, and run what an event starts."""

import contextlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from pipeline.errors import ConfigurationError, GateError
from pipeline.run import CHECKOUT
from sandbox import processes
from sandbox.github import act, protection, trigger
from sandbox.github import event as events
from sandbox.github import workflow as workflows
from sandbox.github.act import JobResult, Process, WorkflowRun
from sandbox.github.admission import Admission
from sandbox.github.claims import SubjectForm
from sandbox.github.event import Event, PullRequest, Repository
from sandbox.github.expressions import Unknown
from sandbox.github.log import Log
from sandbox.github.repository import Remote
from sandbox.github.workflow import Job, Workflow
from sandbox.oidc import Issuer

STAND_INS = Path(__file__).resolve().parent.parent / "actions"
LIMIT = 900.0  # seconds that a run may take
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
    """A repository acme/ledger on this machine, whose workflows run by act.

    `source` is the work tree whose files become the first commit; `state` the folder for everything that is
    made (an existing one is replaced by `create`); `aws` what jobs get to reach AWS; `actions` maps
    `OWNER/REPO@REF` to a folder that takes the stand-in's place; `form` is the subject's form. Use it as a
    context manager: leaving it ends every run and the issuer.
    """

    def __init__(
        self,
        source: Path,
        state: Path,
        *,
        aws: Mapping[str, str] | None = None,
        actions: Mapping[str, Path] | None = None,
        form: SubjectForm = "names",
        repository: Repository | None = None,
        rules: Path = protection.RULES,
        toolchain: Path = CHECKOUT,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.source = source
        self.state = state.resolve()
        self.aws = dict(aws or {})
        self.actions = dict(actions or {})
        self.form: SubjectForm = form
        self.repository = repository or Repository()
        self.rules = protection.read(rules)
        self.toolchain = toolchain
        self.progress = progress or (lambda text: None)
        self.remote = Remote(self.state / "git", self.repository)
        self.issuer = Issuer(self.state)
        self._running: set[Process] = set()
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
        """Make the remote and the scratch clone, and start the issuer; returns main's first commit."""
        sweep(self.state)
        shutil.rmtree(self.state / "runs", ignore_errors=True)
        shutil.rmtree(self.state / "trees", ignore_errors=True)
        commit = self.remote.create(self.source)
        self.issuer.start()
        return commit

    def close(self) -> None:
        """End what runs. The remote, the logs and the artifacts stay."""
        for process in list(self._running):
            process.end("cancelled")
        self.issuer.stop()

    def commit(
        self,
        message: str,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = "main",
        author: str = "alice",
    ) -> str:
        """Commit new contents by path (None deletes) on a branch of the scratch clone, unpushed."""
        return self.remote.commit(message, files, branch=branch, author=author)

    def push(self, branch: str = "main", *, actor: str = "alice", force: bool = False) -> Event:
        """Push a branch; returns the event."""
        return self.remote.push(branch, actor=actor, force=force)

    def tag(self, name: str, commit: str = "main", *, annotated: bool = True, actor: str = "alice") -> Event:
        """Make and push a tag; returns the event."""
        return self.remote.tag(name, commit, annotated=annotated, actor=actor)

    def open_pull_request(
        self, branch: str, title: str, *, author: str = "alice", fork: Repository | None = None
    ) -> PullRequest:
        """Push a branch and open a pull request into main."""
        return self.remote.open_pull_request(branch, title, author=author, fork=fork)

    def pull_request_event(self, request: PullRequest, action: str = "opened") -> Event:
        """The event of an activity on a pull request."""
        return request.event(self.repository, action)

    def merge(self, request: PullRequest, *, actor: str = "bob") -> Event:
        """Merge a pull request into main and push; returns the event."""
        return self.remote.merge(request, actor=actor)

    def dispatch(
        self, workflow: str, inputs: Mapping[str, str], *, ref: str = "main", actor: str = "bob"
    ) -> Event:
        """The event of starting `workflow` (its file name) by hand. Raises ConfigurationError for bad inputs."""
        commit = self.remote.head(ref)
        path = f"{workflows.FOLDER}/{workflow}"
        values = trigger.inputs(workflows.load(self._tree(commit), path), inputs)
        kind = "tags" if self.remote.git("tag", "--list", ref) else "heads"
        return events.dispatch(self.repository, path, f"refs/{kind}/{ref}", commit, actor, values)

    def schedule(self, cron: str) -> Event:
        """The event of a cron line that fell due, on main."""
        return events.schedule(self.repository, cron, self.remote.head("main"))

    def run(self, event: Event, *, limit: float = LIMIT) -> Run:
        """Run every workflow that `event` starts, side by side, each for at most `limit` seconds.

        Raises ConfigurationError where a workflow can't be read, or names an action without a stand-in. A
        run that fails is no error: see the result.
        """
        start = time.monotonic()
        tree = self._tree(event.sha)
        started = [found for found in workflows.all_of(tree) if trigger.starts(found, event)]
        actions = self._mapped(tree) if started else {}
        with ThreadPoolExecutor(max_workers=max(1, len(started))) as pool:
            futures = [pool.submit(self._run, event, tree, found, actions, limit) for found in started]
            try:
                runs = tuple(future.result() for future in futures)
            except BaseException:
                for process in list(self._running):
                    process.end("cancelled")
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

    def _mapped(self, tree: Path) -> dict[str, Path]:
        """The folder of each action that the workflows name."""
        folders = {}
        for name, file in workflows.actions(tree).items():
            folder = self.actions.get(name) or STAND_INS / name.partition("@")[0]
            if not folder.is_dir():
                raise ConfigurationError(
                    f"{file} uses {name}, and the sandbox has no stand-in for it at {folder}.",
                    f"Write one there, or give a copy of the action: --action {name}=DIR",
                )
            folders[name] = folder.resolve()
        return folders

    def _run(
        self, event: Event, tree: Path, workflow: Workflow, actions: Mapping[str, Path], limit: float
    ) -> WorkflowRun:
        with self._lock:
            self._started += 1
            run_id = _FIRST_RUN + self._started - 1
            number = self._numbers[workflow.path] = self._numbers.get(workflow.path, 0) + 1
        folder = self.state / "runs" / f"{self._started:03}-{Path(workflow.path).stem}-{run_id}"
        for name in ("artifacts", "home", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.remote.config, folder / "home" / ".gitconfig")
        context = self._context(event, workflow, run_id, number)
        try:
            jobs = workflows.reachable(tree, workflow, context)
        except GateError as error:
            return _unstarted(run_id, number, workflow, folder, str(error))
        refused = self._refused(jobs, event)
        file = _without(tree, workflow, refused, folder) if refused else tree / workflow.path
        act.payload(event.payload, folder)
        bearer = secrets.token_urlsafe(32)
        variables = self._variables(context["github"], bearer, folder)
        (folder / "job.env").touch(mode=0o600)
        (folder / "job.env").write_text(act.environment_file(variables))
        environment = act.host_environment(folder, self.toolchain)
        argv = act.command(event.name, file, tree, folder, event.actor, actions)
        start = time.monotonic()
        with (folder / "log.txt").open("w", encoding="utf-8") as text:
            text.write(f"{workflow.name} #{number}, {event.name} of {event.ref} at {event.sha}\n")
            log = Log(text, (bearer,), self.progress)
            process = Process(log, act.mark(folder))
            admission = Admission(
                self.repository, event, workflow, tuple(jobs), self.rules, self.form, run_id, number, process
            )
            self.issuer.admit(bearer, admission)
            self._running.add(process)
            try:
                status = process.run(argv, folder, environment, limit)
            finally:
                self._running.discard(process)
                self.issuer.dismiss(bearer)
                _tidy(folder)
        found = tuple(
            JobResult(job.name, job.id, job.result, job.seconds, job.steps, refused.get(job.id, ""))
            for job in act.results(log, process.reason)
        )
        return WorkflowRun(
            id=run_id,
            number=number,
            workflow=workflow.name,
            path=workflow.path,
            conclusion=process.reason or ("success" if status == 0 else "failure"),
            exit_status=status,
            seconds=time.monotonic() - start,
            jobs=found,
            summaries=tuple(log.summaries),
            annotations=tuple(log.annotations),
            errors=tuple(log.errors),
            log=folder / "log.txt",
            folder=folder,
            message="; ".join(sorted(set(refused.values()))),
        )

    def _context(self, event: Event, workflow: Workflow, run_id: int, number: int) -> dict[str, Any]:
        """What expressions outside of a running job may use."""
        github = {
            "event_name": event.name,
            "event": event.payload,
            "ref": event.ref,
            "ref_name": event.ref_name,
            "ref_type": event.ref_type,
            "sha": event.sha,
            "head_ref": event.head_ref,
            "base_ref": event.base_ref,
            "actor": event.actor,
            "actor_id": str(events.actor_id(event.actor)),
            "triggering_actor": event.actor,
            "repository": self.repository.full_name,
            "repository_id": str(self.repository.id),
            "repository_owner": self.repository.owner,
            "repository_owner_id": str(self.repository.owner_id),
            "run_id": str(run_id),
            "run_number": str(number),
            "run_attempt": "1",
            "workflow": workflow.name,
            "workflow_ref": f"{self.repository.full_name}/{workflow.path}@{event.ref}",
            "workflow_sha": event.sha,
        }
        return {"github": github, "inputs": event.payload.get("inputs", {}), "vars": {}}

    def _variables(self, github: Mapping[str, Any], bearer: str, folder: Path) -> dict[str, str]:
        """The environment that every step of a run gets beside what act sets itself."""
        names = [
            *("run_id", "run_number", "run_attempt", "repository", "repository_id", "repository_owner"),
            *("repository_owner_id", "actor_id", "triggering_actor", "workflow_ref", "workflow_sha"),
        ]
        return {
            **{f"GITHUB_{name.upper()}": github[name] for name in names},
            "GITHUB_REF_PROTECTED": "true" if github["ref"] == "refs/heads/main" else "false",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.issuer.request_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
            "SANDBOX_ARTIFACTS": str(folder / "artifacts"),
            "SANDBOX_TOOLCHAIN": str(self.toolchain),
            **self.aws,
        }

    def _refused(self, jobs: list[Job], event: Event) -> dict[str, str]:
        """The jobs of the triggered file, by id, that an environment's rules keep from starting, and why."""
        found: dict[str, str] = {}
        for job in jobs:
            with contextlib.suppress(Unknown):  # then the issuer decides, when the job asks for a token
                for environment in sorted(job.environments() - {""}):
                    why = protection.refusal(self.rules, environment, event.ref)
                    if why:
                        found.setdefault(job.path[0], why)
        return found


def sweep(state: Path) -> int:
    """End what a crash left running of the GitHub at `state`; returns how many processes that were."""
    return processes.kill(processes.carrying(act.mark(state.resolve() / "runs") + b"/"))


def _unstarted(run_id: int, number: int, workflow: Workflow, folder: Path, message: str) -> WorkflowRun:
    """A run that GitHub would have refused to start."""
    (folder / "log.txt").write_text(f"{workflow.name} #{number} was not started.\n{message}\n")
    return WorkflowRun(
        run_id, number, workflow.name, workflow.path, "startup_failure", 1, 0.0,
        (), (), (), (message,), folder / "log.txt", folder, message,
    )  # fmt: skip


def _without(tree: Path, workflow: Workflow, refused: Mapping[str, str], folder: Path) -> Path:
    """A copy of the workflow in which a refused job fails at once, with GitHub's reason, as on GitHub."""
    document = yaml.safe_load((tree / workflow.path).read_text(encoding="utf-8"))
    document["on"] = document.pop(True, document.get("on"))  # YAML 1.1 reads `on` as true
    document["name"] = workflow.name
    for name, why in refused.items():
        kept = {
            key: document["jobs"][name][key]
            for key in ("name", "if", "needs")
            if key in document["jobs"][name]
        }
        step = {
            "name": "Environment protection rules",
            "env": {"WHY": why},
            "run": 'echo "::error::$WHY"; exit 1',
        }
        document["jobs"][name] = kept | {"runs-on": act.RUNNERS[0], "steps": [step]}
    path = folder / Path(workflow.path).name
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def _tidy(folder: Path) -> None:
    """Remove what jobs worked in; the log, the event and the artifacts stay."""
    for name in ("act", "home", "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "job.env").unlink(missing_ok=True)
