"""What the jobs of workflows do: which stages they run, what they change, which steps they need."""

from collections.abc import Iterator
from itertools import pairwise
from posixpath import normpath
from typing import Any

from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import Command, commands
from pipeline.source.stages import STAGES
from pipeline.source.workflows import Action, Job, Workflow, WorkflowStep

_DEPTH = 10  # levels of composite actions that GitHub allows
MAIN = "main"  # what `--base` without a value stands for
CHANGING = ("deploy", "promote", "rollback", "withdraw")
# Programs whose exit status is a verdict, or whose failure must end the job.
CHECKING = frozenset(
    (
        *("pipeline", "pytest", "cfn-lint", "checkov", "zizmor", "actionlint", "gitleaks", "ruff", "mypy"),
        *("pre-commit", "make", "sam", "aws", "uv", "test", "[", "[[", "cosign", "gh", "sha256sum"),
    )
)


# By which a called workflow checks itself out. Source: GitHub's "Contexts reference", the `job` context.
_ENGINE = {"repository": "${{ job.workflow_repository }}", "ref": "${{ job.workflow_sha }}"}


def is_engine(step: WorkflowStep) -> bool:
    """Whether a step checks the engine out, into the workspace's root: the commit that the called workflow is of."""
    given = mapping(step.body.get("with"))
    return (
        step.uses.lower().startswith("actions/checkout@")
        and {key: str(given.get(key, "")).strip() for key in _ENGINE} == _ENGINE
        and "path" not in given
    )


def checks(command: Command) -> bool:
    """Whether a command's exit status must count."""
    if command.program.startswith("python"):
        return "-m" in command.words
    return command.program in CHECKING


def local_action(project: Project, step: WorkflowStep) -> Action | None:
    """The action of this repository that a step uses; None for another, and for one that isn't there.

    Where there are both, GitHub takes action.yml before action.yaml.
    """
    if not step.uses.startswith("./"):
        return None
    folder = normpath(step.uses)
    found = [one for one in project.actions if (one.file.rpartition("/")[0] or ".") == folder]
    return max(found, key=lambda one: one.file, default=None)


def steps(project: Project, job: Job) -> Iterator[WorkflowStep]:
    """The steps of a job, and after each that uses an action of this repository the steps of that."""
    pending = [(step, 0) for step in job.steps]
    while pending:
        step, depth = pending.pop(0)
        yield step
        action = local_action(project, step) if depth < _DEPTH else None
        pending[:0] = [(inner, depth + 1) for inner in (action.steps if action is not None else ())]


def calls(run: Run) -> Iterator[tuple[WorkflowStep, Command]]:
    """The commands of a run's steps, but for steps that its inputs switch off."""
    for step in run.job.steps:
        if run.active(step.body) is not False:
            for command in commands(step.run):
                yield step, command


def pipelines(run: Run) -> Iterator[tuple[WorkflowStep, Command, str]]:
    """The calls of `pipeline` in a run, with each command's name as far as it is known."""
    for step, command in calls(run):
        for name in run.word(step, command.pipeline) if command.pipeline else ():
            yield step, command, name


def stages(run: Run) -> set[str]:
    """The stages of the gate that a run goes through."""
    names = {name for _, _, name in pipelines(run)}
    return set(STAGES) if "check" in names else names & set(STAGES)


def base(command: Command) -> Iterator[str | None]:
    """The values of `--base` in a call of the gate, in each way that argparse takes it: `--base=X`, `--b X`, `--base`.

    None for a word that may hold any option, such as a variable where a value isn't due.
    """
    words = [*command.arguments, "-"]
    due = False  # whether a word is the value of the option before it
    for word, following in pairwise(words):
        option, given, value = word.partition("=")
        if due or not word.startswith(("-", "$")):
            due = False
        elif len(option) > len("--") and "--base".startswith(option):
            due = not given and not following.startswith("-")
            yield value if given else following if due else MAIN
        elif word.startswith("-"):
            due = not given and not "--no-cache".startswith(option)
        else:
            yield None


def changes(run: Run) -> bool:
    """Whether a run may change what serves in an environment."""
    deploys = any(name in CHANGING and "--dry-run" not in one.words for _, one, name in pipelines(run))
    return deploys or any(changing_aws(one) for _, one in calls(run))


def changing_aws(command: Command) -> bool:
    """Whether a command changes AWS past the pipeline."""
    words = [word for word in command.words[1:] if not word.startswith("-")]
    if command.program == "sam":
        return bool(words) and words[0] in ("deploy", "sync", "delete", "package", "publish", "build")
    if command.program in ("cdk", "terraform", "serverless", "sls", "chalice", "zappa", "pulumi"):
        return True
    if command.program != "aws" or len(words) < 2:
        return False
    reading = ("describe", "list", "get", "head", "wait", "help", "ls", "validate", "presign", "tail")
    return words[0] not in ("sts", "configure") and not words[1].startswith(reading)


def deployments(project: Project) -> list[Run]:
    """The runs that change what serves, by every event."""
    return [run for run in runs(project) if changes(run)]


def needed(job: Job) -> set[str]:
    """The ids of the jobs of the same workflow that must end before a job, however far away."""
    by_id = {one.id: one for one in job.workflow.jobs}
    found: set[str] = set()
    pending = list(job.needs)
    while pending:
        name = pending.pop()
        if name in by_id and name not in found:
            found.add(name)
            pending += by_id[name].needs
    return found


def before(project: Project, run: Run) -> list[Run]:
    """The runs of the same event that must have ended before this one begins."""
    names = needed(run.jobs[0])
    return [
        other
        for other in runs(project)
        if other.workflow is run.workflow and other.event == run.event and other.jobs[0].id in names
    ]


def pull_requests(project: Project) -> list[Workflow]:
    """The workflows that a pull request starts, and that judge it."""
    judged = {run.workflow.file for run in runs(project) if run.event == "pull_request" and stages(run)}
    return [one for one in project.workflows if one.file in judged]


def mapping(value: Any) -> dict[str, Any]:
    """The value, if it is a mapping; else an empty one."""
    return value if isinstance(value, dict) else {}
