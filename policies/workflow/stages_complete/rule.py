"""Pull requests that some stage of the gate doesn't see."""

from collections.abc import Iterator

from pipeline.source.duties import mapping, pipelines, pull_requests, stages
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.stages import STAGES
from pipeline.source.violations import Violation
from pipeline.source.workflows import Workflow

_TYPES = {"opened", "synchronize", "reopened"}
_NARROWER = ("paths", "paths-ignore", "branches-ignore")


def check(project: Project) -> Iterator[Violation]:
    judging = pull_requests(project)
    if project.workflows and not judging:
        run_on = [run.job.workflow for run in runs(project) if run.event == "pull_request"]
        first = min(run_on or project.workflows, key=lambda one: one.file)
        yield Violation("no workflow judges pull requests", first.file, first.line("on"), fact="no workflow")
    for workflow in judging:
        yield from _filters(workflow, project.described.branch)
        mine = [run for run in runs(project) if run.workflow is workflow and run.event == "pull_request"]
        yield from _missing(workflow, mine)


def _filters(workflow: Workflow, branch: str) -> Iterator[Violation]:
    filters = workflow.events["pull_request"]
    for name in _NARROWER:
        if name in filters:
            yield _at(workflow, f"{name} leaves pull requests out", name, fact=f"{name} {filters[name]}")
    if "types" in filters and _TYPES - set(_list(filters["types"])):
        yield _at(
            workflow,
            "types leave out new commits of a pull request",
            "types",
            fact=f"types {filters['types']}",
        )
    branches = _list(filters.get("branches", [branch]))
    if not {branch, "**", "*"} & set(branches) or any(one.startswith("!") for one in branches):
        yield _at(
            workflow,
            f"branches leave out pull requests into {branch}",
            "branches",
            fact=f"branches {branches}",
        )


def _missing(workflow: Workflow, mine: list[Run]) -> Iterator[Violation]:
    found = set().union(*(stages(run) for run in mine))
    for stage in (one for one in STAGES if one not in found):
        for run in mine:
            if stages(run):
                yield _where(run, f"the stage {stage} is missing", fact=f"stage {stage}")
                break
    for run in mine:
        for job in run.jobs:
            if stages(run) and "if" in job.body:
                line = job.line("if")
                yield Violation(
                    f"job {job.id} judges some pull requests only",
                    job.workflow.file,
                    line,
                    fact=f"{job.id}: if",
                )


def _where(run: Run, message: str, *, fact: str) -> Violation:
    """At the matrix that the stages come from, else at the step that runs one."""
    job = run.job
    if "matrix" in mapping(job.body.get("strategy")):
        matrix = mapping(mapping(job.body["strategy"])["matrix"])
        place = "exclude" if "exclude" in matrix else next(iter(matrix), "")
        line = job.line("strategy", "matrix", place)
        return Violation(message, job.workflow.file, line, fact=fact)
    step = next(step for step, _, name in pipelines(run) if name in (*STAGES, "check"))
    return Violation(message, job.workflow.file, step.line("run"), fact=fact)


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _at(workflow: Workflow, message: str, name: str, *, fact: str) -> Violation:
    line = workflow.line("on", "pull_request", name)
    return Violation(message, workflow.file, line, fact=fact)
