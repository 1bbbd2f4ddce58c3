"""Pull requests whose required status says less than every job's success."""

import re
from collections.abc import Iterator

from pipeline.source.duties import mapping, pull_requests
from pipeline.source.located import Step
from pipeline.source.project import Project
from pipeline.source.violations import Violation
from pipeline.source.workflows import Job, Workflow

_RESULT = re.compile(r"needs\.([\w-]+)\.result|needs\[['\"]([\w-]+)['\"]\]\.result")


def check(project: Project) -> Iterator[Violation]:
    for workflow in pull_requests(project):
        asking = [job for job in workflow.jobs if job.needs and _asks(job)]
        if not asking:
            yield Violation(
                "no job asks how the others ended",
                workflow.file,
                workflow.line("jobs"),
                fact="a required status",
            )
        for job in asking:
            yield from _job(workflow, job)


def _texts(job: Job) -> list[str]:
    found = [str(value) for value in mapping(job.body.get("env")).values()]
    for step in job.steps:
        found += [step.run, str(step.body.get("if", "")), *map(str, mapping(step.body.get("env")).values())]
    return found


def _asks(job: Job) -> bool:
    return (
        any("needs." in text or "needs[" in text for text in _texts(job))
        or "required" in str(job.body.get("name", job.id)).lower()
    )


def _job(workflow: Workflow, job: Job) -> Iterator[Violation]:
    condition = str(job.body.get("if", "")).replace("${{", "").replace("}}", "").strip()
    if condition != "always()":
        yield _at(
            job, "is skipped, and so counts as passed, when another job fails: if: always()", "if", fact="if"
        )
    for name in (one.id for one in workflow.jobs if one.id not in (job.id, *job.needs)):
        yield _at(job, f"doesn't wait for {name}", "needs", fact=f"needs {name}")
    for name in job.needs:
        if not _demands_success(job, name):
            yield _at(
                job, f"passes also when {name} didn't succeed", "steps", 0, "run", fact=f"success of {name}"
            )


def _demands_success(job: Job, name: str) -> bool:
    """Whether some test of the job holds only if `name` ended with success."""
    for step in job.steps:
        given = mapping(job.body.get("env")) | mapping(step.body.get("env"))
        variables = [key for key, value in given.items() if _names(str(value)) == {name}]
        for variable in variables:
            if re.search(rf"\$\{{?{variable}\b\}}?[\"']?\s*={{1,2}}\s*[\"']?success\b", step.run):
                return True
        inline = rf"needs\.{re.escape(name)}\.result\s*(\}}\}})?[\"']?\s*={{1,2}}\s*[\"']?success"
        denied = rf"needs\.{re.escape(name)}\.result\s*!=\s*'success'"
        if re.search(inline, step.run) or (
            re.search(denied, str(step.body.get("if", ""))) and "exit 1" in step.run
        ):
            return True
    return False


def _names(text: str) -> set[str]:
    return {one or other for one, other in _RESULT.findall(text)}


def _at(job: Job, message: str, *place: Step, fact: str) -> Violation:
    line = job.line(*place)
    return Violation(f"job {job.id} {message}", job.workflow.file, line, fact=f"{job.id}: {fact}")
