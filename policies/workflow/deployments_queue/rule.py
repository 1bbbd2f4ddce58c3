"""Deployments that may meet in one environment, cancel each other, or hold up a rollback."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.source.duties import deployments, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import Run
from pipeline.source.violations import Violation
from pipeline.source.workflows import Job, Workflow

_OF_THE_WORKFLOW = re.compile(r"\$\{\{\s*github\.workflow\s*\}\}")

type _Users = tuple[str, str]  # rollbacks or deployments, and of which environment


def check(project: Project) -> Iterator[Violation]:
    queues: dict[_Users, set[str]] = defaultdict(set)
    users: dict[str, set[_Users]] = defaultdict(set)  # by group
    found: list[Violation] = []
    for run in deployments(project):
        found += _one(run)
        for whose, group in _pairs(run):
            queues[whose].add(group)
            users[group].add(whose)
    for run in deployments(project):
        for whose, group in _pairs(run):
            found += _among(run, whose, group, queues[whose] - {group}, users[group])
    yield from dict.fromkeys(found)


@dataclass(frozen=True)
class _Queue:
    """`concurrency` of a workflow, or of one of its jobs."""

    holder: Workflow | Job

    @property
    def body(self) -> dict[str, Any]:
        held = self.holder.data if isinstance(self.holder, Workflow) else self.holder.body
        found = held.get("concurrency")
        return found if isinstance(found, dict) else {"group": found or ""}

    @property
    def group(self) -> str:
        return str(self.body.get("group") or "")

    def at(self, message: str, *place: str, fact: str) -> Violation:
        if isinstance(self.holder, Workflow):
            line = self.holder.line("concurrency", *place)
            return Violation(f"{self.holder.name} {message}", self.holder.file, line, fact=fact)
        line, name = self.holder.line("concurrency", *place), self.holder.id
        return Violation(f"job {name} {message}", self.holder.workflow.file, line, fact=f"{name}: {fact}")


def _queues(run: Run) -> Iterator[_Queue]:
    """Every queue that a run stands in, the one of the job that does the work first."""
    for job in reversed(run.jobs):
        for holder in (job, job.workflow):
            if _Queue(holder).group:
                yield _Queue(holder)


def _own(run: Run) -> _Queue | None:
    """The queue of the job that changes the environment, or of one that calls it."""
    return next((one for one in _queues(run) if isinstance(one.holder, Job)), None)


def _one(run: Run) -> Iterator[Violation]:
    own = _own(run)
    if own is None and not any(_queues(run)):
        message = f"{run.workflow.name} changes an environment without a queue (concurrency)"
        yield Violation(message, run.workflow.file, run.workflow.line("on"), fact="no queue")
    for one in _queues(run):
        if own is None:
            message = (
                "queues as a whole: its checks wait too, and an approval that it waits for holds the queue"
            )
            yield one.at(message, fact="queues as a whole")
        if one.body.get("cancel-in-progress", False) is not False:
            message = "may be cancelled while it changes an environment"
            yield one.at(message, "cancel-in-progress", fact="cancel-in-progress")
        if one.body.get("queue") != "max":
            message = "keeps one that waits, and cancels it when a third comes: queue: max"
            yield one.at(message, "queue" if "queue" in one.body else "group", fact="queue")
    if own and any("${{" in group for group in _groups(run, own)):
        message = f"has a queue that differs from run to run: {own.group}"
        yield own.at(message, "group", fact=f"group {own.group}")


def _among(run: Run, whose: _Users, group: str, others: set[str], users: set[_Users]) -> Iterator[Violation]:
    """What the queues of the other runs make of this one's."""
    own, (kind, environment) = _own(run), whose
    if own is None:
        return
    if others:
        message = f"queues in {group} for {environment}; others in {', '.join(sorted(others))}"
        yield own.at(message, "group", fact=f"{group} for {environment}")
    environments = sorted({one for _, one in users})
    if len(environments) > 1:
        both = " and ".join(environments)
        message = f"{group} is the queue of {both}: one would hold up the other"
        yield own.at(message, "group", fact=f"{group} of {both}")
    if kind == "rollbacks" and ("deployments", environment) in users:
        message = f"waits in {group} behind a deployment that waits for its approval: a queue of its own"
        yield own.at(message, "group", fact=f"{group} of deployments")


def _groups(run: Run, queue: _Queue) -> tuple[str, ...]:
    name = str(run.workflow.data.get("name", run.workflow.file))
    return run.values(_OF_THE_WORKFLOW.sub(lambda _: name, queue.group))


def _pairs(run: Run) -> Iterator[tuple[_Users, str]]:
    """Each environment that a run may enter, with its queue: both follow the same input, or one serves all."""
    own = _own(run)
    groups = [one for one in _groups(run, own) if one and "${{" not in one] if own else []
    back = {name for _, _, name in pipelines(run)} & {"deploy", "promote", "rollback", "withdraw"}
    kind = "rollbacks" if back and back <= {"rollback", "withdraw"} else "deployments"
    environments = run.environments
    if len(groups) == 1:
        yield from (((kind, one), groups[0]) for one in environments)
    elif len(groups) == len(environments):
        yield from (((kind, one), group) for one, group in zip(environments, groups, strict=True))
