"""Deployments that don't wait for the checks, or go on without them."""

import re
from collections.abc import Iterator

from pipeline.source.duties import before, deployments, pipelines, stages
from pipeline.source.project import Project
from pipeline.source.runs import Run
from pipeline.source.stages import STAGES
from pipeline.source.violations import Violation

_AFTER_FAILURE = re.compile(r"\b(always|failure|cancelled)\s*\(|!\s*success\s*\(")


def check(project: Project) -> Iterator[Violation]:
    found: list[Violation] = []
    for run in deployments(project):
        found += _conditions(run)
        calls = list(pipelines(run))
        names = {name for _, _, name in calls}
        for step, command, name in calls:
            if name == "deploy" and "--checks" not in command.arguments:
                text = f"step {step.name!r} deploys without the reports of the checks (--checks)"
                found.append(
                    Violation(text, step.document.file, step.line("run"), fact=f"{step.path}: --checks")
                )
        if "deploy" not in names:
            continue  # a rollback: what it puts back was checked when it was deployed
        earlier = before(project, run)
        if "promote" in names:
            verified = any(_verifies(one) for one in earlier)
            found += (
                []
                if verified
                else [_at(run, "doesn't wait for `pipeline release verify`", fact="release verify")]
            )
        else:
            passed = set().union(*(stages(one) for one in earlier))
            missing = [stage for stage in STAGES if stage not in passed]
            found += (
                [_at(run, f"doesn't wait for {', '.join(missing)}", fact=", ".join(missing))]
                if missing
                else []
            )
    yield from dict.fromkeys(found)


def _verifies(run: Run) -> bool:
    return any(name == "release" and "verify" in one.arguments for _, one, name in pipelines(run))


def _conditions(run: Run) -> Iterator[Violation]:
    for job in run.jobs:
        if _AFTER_FAILURE.search(str(job.body.get("if", ""))):
            line = job.line("if")
            yield Violation(
                f"job {job.id} deploys also after a failure",
                job.workflow.file,
                line,
                fact=f"{job.id}: {job.body['if']}",
            )
    for step, _, name in pipelines(run):
        if name in ("deploy", "promote", "rollback") and _AFTER_FAILURE.search(str(step.body.get("if", ""))):
            line = step.line("if")
            yield Violation(
                f"step {step.name!r} runs also after a failure",
                step.document.file,
                line,
                fact=f"{step.path}: {step.body['if']}",
            )


def _at(run: Run, message: str, *, fact: str) -> Violation:
    job = run.jobs[0]
    line = job.line("needs")
    return Violation(f"job {job.id} {message}", job.workflow.file, line, fact=f"{job.id}: {fact}")
