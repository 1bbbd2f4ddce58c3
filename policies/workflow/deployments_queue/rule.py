"""Workflows that may change one environment at the same time, or be cancelled while they do."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from pipeline.source.duties import deployments
from pipeline.source.project import Project
from pipeline.source.runs import Run
from pipeline.source.violations import Violation

_OF_THE_WORKFLOW = re.compile(r"\$\{\{\s*github\.workflow\s*\}\}")


def check(project: Project) -> Iterator[Violation]:
    queues: dict[str, set[str]] = defaultdict(set)  # by environment
    users: dict[str, set[str]] = defaultdict(set)  # by group
    found: list[Violation] = []
    for run in deployments(project):
        found += _one(run)
        for environment, group in _pairs(run):
            queues[environment].add(group)
            users[group].add(environment)
    for run in deployments(project):
        for environment, group in _pairs(run):
            if len(queues[environment]) > 1:
                others = ", ".join(sorted(queues[environment] - {group}))
                found.append(
                    _at(
                        run,
                        f"queues in {group} for {environment}; others in {others}",
                        "group",
                        fact=f"{group} for {environment}",
                    )
                )
            if len(users[group]) > 1:
                both = " and ".join(sorted(users[group]))
                found.append(
                    _at(
                        run,
                        f"{group} is the queue of {both}: one would cancel the other",
                        "group",
                        fact=f"{group} of {both}",
                    )
                )
    yield from dict.fromkeys(found)


def _one(run: Run) -> Iterator[Violation]:
    group, cancel = _concurrency(run)
    if not group:
        yield _at(run, "changes an environment without a queue (concurrency)", fact="no queue")
    if cancel is False:
        for job in run.jobs:
            found = job.body.get("concurrency")
            if isinstance(found, dict) and found.get("cancel-in-progress", False) is not False:
                line = job.line("concurrency", "cancel-in-progress")
                yield Violation(
                    f"job {job.id} may be cancelled meanwhile",
                    job.workflow.file,
                    line,
                    fact=f"{job.id}: cancel-in-progress",
                )
    if cancel is not False:
        yield _at(
            run,
            "may be cancelled while it changes an environment",
            "cancel-in-progress",
            fact="cancel-in-progress",
        )
    if group and any("${{" in one for one in _groups(run, group)):
        yield _at(run, f"has a queue that differs from run to run: {group}", "group", fact=f"group {group}")


def _concurrency(run: Run) -> tuple[str, Any]:
    for body in (run.workflow.data, *(job.body for job in run.jobs)):
        found = body.get("concurrency")
        if isinstance(found, str):
            return found, False
        if isinstance(found, dict):
            return str(found.get("group") or ""), found.get("cancel-in-progress", False)
    return "", False


def _groups(run: Run, group: str) -> tuple[str, ...]:
    return run.values(_OF_THE_WORKFLOW.sub(str(run.workflow.data.get("name", run.workflow.file)), group))


def _pairs(run: Run) -> Iterator[tuple[str, str]]:
    """Each environment that a run may enter, with its queue: both follow the same input, or one serves all."""
    groups = [one for one in _groups(run, _concurrency(run)[0]) if one and "${{" not in one]
    environments = run.environments
    if len(groups) == 1:
        yield from ((one, groups[0]) for one in environments)
    elif len(groups) == len(environments):
        yield from zip(environments, groups, strict=True)


def _at(run: Run, message: str, *place: str, fact: str) -> Violation:
    if "concurrency" in run.workflow.data:
        line = run.workflow.line("concurrency", *place)
        return Violation(f"{run.workflow.name} {message}", run.workflow.file, line, fact=fact)
    for job in run.jobs:
        if "concurrency" in job.body:
            line = job.line("concurrency", *place)
            return Violation(f"job {job.id} {message}", job.workflow.file, line, fact=f"{job.id}: {fact}")
    line = run.workflow.line("on")
    return Violation(f"{run.workflow.name} {message}", run.workflow.file, line, fact=fact)
