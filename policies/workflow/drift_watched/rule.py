"""Repositories that deploy, and compare nothing by themselves."""

from collections.abc import Iterator

from pipeline.source.duties import deployments, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import runs
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    looking = [run for run in runs(project) if any(name == "drift" for _, _, name in pipelines(run))]
    if not deployments(project) or any(run.event == "schedule" for run in looking):
        return
    # Rather at the workflow that calls the comparison than at the one that holds it.
    workflow = max(looking, key=lambda run: len(run.jobs)).workflow if looking else project.workflows[0]
    yield Violation(
        "no schedule compares what runs with git", workflow.file, workflow.line("on"), fact="no schedule"
    )
