"""Jobs that can ask for a token without an environment of their own, or without a use for it.

One kind needs no environment, and may have none: a job that has GitHub attest what a push to the branch built, by a
workflow of the branch, and runs that one action.
"""

from collections.abc import Iterator, Sequence

from pipeline.source import duties
from pipeline.source.application import watched
from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.runs import Run, attests, may_ask, own, runs
from pipeline.source.violations import Violation
from pipeline.source.workflows import Job, Workflow, WorkflowStep

_ASKING = (
    "aws-actions/configure-aws-credentials",
    "actions/attest",
    "sigstore/",
    "pypa/gh-action-pypi-publish",
)


def check(project: Project) -> Iterator[Violation]:
    deployable = {one.name: one for one in project.environments if not one.laptop}
    seen = set()
    for workflow in project.workflows:
        yield from _foreign(project, workflow)
    for run in runs(project):
        for violation in (*_judge(project, run, deployable), *_event(run, deployable)):
            if violation not in seen:
                seen.add(violation)
                yield violation


def _foreign(project: Project, workflow: Workflow) -> Iterator[Violation]:
    """A workflow of another repository that is called with a right to ask for a token."""
    for job in workflow.jobs:
        if job.uses and not own(project, job.uses) and job.permissions != "default" and may_ask(job):
            yield _at(
                job,
                "lets a foreign workflow ask for a token",
                "uses",
                fact=f"foreign workflow {job.uses.partition('@')[0]}",
            )


def _event(run: Run, deployable: dict[str, Environment]) -> Iterator[Violation]:
    """An environment that is entered by an event which brings it nothing that it may take."""
    for name in run.environments:
        if run.event in ("pull_request", "pull_request_target"):
            yield _entered(
                run,
                f"enters {name} for a pull request, with what is for {name} alone",
                fact=f"{name} for a pull request",
            )
        promoted = name in deployable and deployable[name].table("pipeline").get("promote_from")
        if run.event == "schedule" and promoted:
            yield _entered(
                run, f"enters {name} by the clock, at a commit that no tag names", fact=f"{name} by the clock"
            )


def _judge(project: Project, run: Run, deployable: dict[str, Environment]) -> Iterator[Violation]:
    job = run.job
    steps = list(duties.steps(project, job))
    clouds = [step for step in steps if step.uses.lower().startswith(_ASKING[0])]
    uses = clouds or [step for step in steps if step.uses.lower().startswith(_ASKING)]
    if run.asks and not uses:
        yield _at(
            job,
            "asks for a token that no step of it needs",
            "permissions",
            "id-token",
            fact="a token without a use",
        )
    if clouds and not run.asks:
        yield _at(
            job, "takes a role, and may not ask for the token", "permissions", fact="a role without a token"
        )
    if not (run.asks or clouds):
        return
    if any(map(attests, steps)):
        found = list(_attesting(project, run, steps))
        yield from found
        if not found:
            return
    if not job.environment:
        yield _at(
            job,
            "can ask for a token without entering an environment",
            "permissions",
            "id-token",
            fact="a token without an environment",
        )
    for name in run.environments:
        if "${{" in name:
            yield _at(
                job,
                f"enters an environment that only the run knows: {name}",
                "environment",
                fact=f"environment {name}",
            )
        elif (watched(name) or name) not in deployable:
            yield _entered(
                run,
                f"enters {name}, which is no environment of samconfig.toml",
                fact=f"unknown environment {name}",
            )


def _attesting(project: Project, run: Run, steps: Sequence[WorkflowStep]) -> Iterator[Violation]:
    """What makes a job that attests more than that: its token, or what it says, could be for something else."""
    job, caller, branch = run.job, run.jobs[-2] if len(run.jobs) > 1 else run.job, project.described.branch
    if run.environments:
        yield _at(job, "attests where an environment's role is", "steps", fact="attests beside a role")
    if not all(map(attests, steps)):
        message = "attests, and runs something beside that action, which could attest what it likes"
        yield _at(job, message, "steps", fact="attests beside something else")
    if run.at != f"refs/heads/{branch}":
        yield _at(
            caller, f"attests by a workflow that isn't {branch}'s", "uses", fact="attests by another workflow"
        )
    if run.event != "push" or run.filters.get("branches") != [branch] or "tags" in run.filters:
        message = f"attests for something else than a push to {branch}, on {run.event}"
        yield _at(caller, message, "uses", fact=f"attests on {run.event}")


def _entered(run: Run, message: str, *, fact: str) -> Violation:
    """At the call that hands the environment on, where there is one."""
    if len(run.jobs) > 1 and "${{" in run.job.environment:
        caller = run.jobs[-2]
        return _at(caller, message, "with", "environment", fact=fact)
    return _at(run.job, message, "environment", fact=fact)


def _at(job: Job, message: str, *place: str, fact: str) -> Violation:
    line = job.line(*place)
    return Violation(f"job {job.id} {message}", job.workflow.file, line, fact=f"{job.id}: {fact}")
