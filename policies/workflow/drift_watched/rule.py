"""Repositories that deploy, and compare nothing by themselves."""

from collections.abc import Iterator

from pipeline.gate.duties import deployments, pipelines
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation
from pipeline.gate.runs import runs


def check(project: Project) -> Iterator[Violation]:
    looking = [run for run in runs(project) if any(name == "drift" for _, _, name in pipelines(run))]
    if not deployments(project) or any(run.event == "schedule" for run in looking):
        return
    # Rather at the workflow that calls the comparison than at the one that holds it.
    workflow = max(looking, key=lambda run: len(run.jobs)).workflow if looking else project.workflows[0]
    yield Violation("no schedule compares what runs with git", workflow.file, workflow.line("on"))
