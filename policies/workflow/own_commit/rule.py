"""Checkouts of another ref or repository than the event's, and engines that the judged commit brings along.

A workflow that is called as the branch has it runs the engine of its own commit, in the workspace's root
(`job.workflow_repository` and `job.workflow_sha`), on the event's commit in a folder of its own.
"""

from collections.abc import Iterator

from pipeline.source.duties import is_engine, mapping, stages
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import commands
from pipeline.source.violations import Violation
from pipeline.source.workflows import Call, Job, WorkflowStep

_OWN = ("${{ github.sha }}", "${{ github.ref }}", "${{ github.repository }}")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            if _checks_out(step) and not is_engine(step):
                yield from _elsewhere(one.file, step)
    for workflow in project.workflows:
        for job in workflow.jobs:
            if workflow.events.keys() == {"workflow_call"}:
                yield from _engine(job)
            yield from _looked_at(job)
    yield from dict.fromkeys(found for run in runs(project) for found in _along(run))


def _elsewhere(file: str, step: WorkflowStep) -> Iterator[Violation]:
    given = mapping(step.body.get("with"))
    for key in ("ref", "repository"):
        if given.get(key) and str(given[key]).strip() not in _OWN:
            text = f"step {step.name!r} checks out {given[key]}, not what the job was started for"
            yield Violation(text, file, step.line("with", key), fact=f"{step.path}: {key} {given[key]}")


def _engine(job: Job) -> Iterator[Violation]:
    """In a workflow that is called: what is judged or deployed, in the place of the engine that does it."""
    if not any(one.pipeline for step in job.steps for one in commands(step.run)):
        return
    for step in job.steps:
        if _checks_out(step) and not is_engine(step) and "path" not in mapping(step.body.get("with")):
            text = f"step {step.name!r} puts the judged commit in the engine's place, whose bin/pipeline runs"
            yield Violation(text, job.workflow.file, step.line("uses"), fact=f"{step.path}: engine")


def _along(run: Run) -> Iterator[Violation]:
    """Of what judges, or may write: an engine that comes with the commit that the event is about.

    A schedule knows the default branch alone.
    """
    job = run.job
    if run.event == "schedule" or not any(one.pipeline for step in job.steps for one in commands(step.run)):
        return
    rights = job.permissions
    writes = rights.values() if isinstance(rights, dict) else [rights.removesuffix("-all")]
    if "write" not in writes and not stages(run):
        return
    if not any(is_engine(step) for step in job.steps):
        text = f"job {job.id} judges or may write, and runs the engine of the commit that it is about"
        yield Violation(text, job.workflow.file, job.line(), fact=f"{job.id}: engine")
    for call in run.jobs[:-1]:
        if not Call.of(call.uses).repository:
            text = f"job {call.id} calls {call.uses} as this commit has it, which brings its own engine"
            yield Violation(text, call.workflow.file, call.line("uses"), fact=f"{call.id}: {call.uses}")


def _looked_at(job: Job) -> Iterator[Violation]:
    """Commands of `pipeline` that work on another folder than the one in which the event's commit lies."""
    taken = [step for step in job.steps if _checks_out(step) and not is_engine(step)]
    folders = {str(mapping(step.body.get("with")).get("path", "")) for step in taken}
    for step in job.steps if taken else ():
        for one in commands(step.run):
            if one.pipeline and one.folder not in folders:
                text = f"step {step.name!r} works on {one.folder or 'the workspace'}, and the commit is elsewhere"
                yield Violation(text, job.workflow.file, step.line("run"), fact=f"{step.path}: {one.folder}")


def _checks_out(step: WorkflowStep) -> bool:
    return step.uses.lower().startswith("actions/checkout@")
