"""Jobs that build for a promoted environment, or change AWS past the pipeline."""

import re
from collections.abc import Iterator

from pipeline.source.duties import before, calls, changing_aws, mapping, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import Command, commands
from pipeline.source.violations import Violation
from pipeline.source.workflows import Job, WorkflowStep

_BUILDING = re.compile(r"^(docker|podman|buildah|zip|poetry|hatch|flit|npm|yarn|gradle|mvn|cargo|go)$")

_OVERRIDING = ("--parameter-overrides", "--config-file", "--capabilities", "--disable-rollback")


# An output of another job, as a caller hands it on; and one of a step, as a job gives it out.
_OF_JOB = re.compile(r"\$\{\{\s*needs\.([\w-]+)\.outputs\.([\w-]+)\s*\}\}")
_OF_STEP = re.compile(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.digest\s*\}\}")


def check(project: Project) -> Iterator[Violation]:
    promoted = {one.name for one in project.environments if one.table("pipeline").get("promote_from")}
    found = []
    for run in runs(project):
        for step, command in calls(run):
            if given := [word for word in command.words if word.startswith(_OVERRIDING)]:
                found.append(_at(step, f"overrides samconfig.toml by {given[0]}", fact=" ".join(given)))
            if changing_aws(command):
                found.append(
                    _at(
                        step,
                        f"changes AWS past the pipeline: {' '.join(command.words[:3])}",
                        fact=" ".join(command.words),
                    )
                )
        if promoted & set(run.environments):
            compared = [_built(run, step, command) for step, command in _promotions(run)]
            for one in (run, *before(project, run)):
                found += [
                    _at(step, f"builds for prod: {what}", fact=what)
                    for step, what in _builds(one)
                    if step not in compared
                ]
        if promoted >= set(run.environments) and run.environments:
            found += _order(run)
    yield from dict.fromkeys(found)


def _builds(run: Run) -> Iterator[tuple[WorkflowStep, str]]:
    for step, command in calls(run):
        if command.pipeline == "bundle" or _BUILDING.match(command.program):
            yield step, " ".join(command.words[:3])


def _promotions(run: Run) -> Iterator[tuple[WorkflowStep, Command]]:
    return ((step, command) for step, command, name in pipelines(run) if name == "promote")


def _built(run: Run, step: WorkflowStep, command: Command) -> WorkflowStep | None:
    """The step that built what a promotion expects, again, in a job that can't ask for a credential; None without."""
    words = list(command.arguments)
    given = words[words.index("--expect") + 1 :][:1] if "--expect" in words else []
    found = [
        _built_by(run, output[1], output[2]) if (output := _OF_JOB.fullmatch(text)) else None
        for word in given
        for text in run.word(step, word)
    ]
    return found[0] if found and all(one is not None and one == found[0] for one in found) else None


def _built_by(run: Run, name: str, output: str) -> WorkflowStep | None:
    """The step of a needed job that builds the bundle whose digest is one of the job's outputs."""
    for caller in run.jobs:
        job = next((one for one in caller.workflow.jobs if one.id == name and name in caller.needs), None)
        if job is None or job.environment or not _without_token(job) or "if" in job.body:
            continue
        written = _OF_STEP.fullmatch(str(mapping(job.body.get("outputs")).get(output)))
        for step in job.steps:
            sure = not {"if", "continue-on-error"} & step.body.keys()
            if written and sure and step.body.get("id") == written[1] and _bundles(step):
                return step
    return None


def _bundles(step: WorkflowStep) -> bool:
    return any(one.pipeline == "bundle" for one in commands(step.run))


def _without_token(job: Job) -> bool:
    """Whether a job's own words leave it no way to a credential."""
    return isinstance(job.permissions, dict) and job.permissions.get("id-token") != "write"


def _order(run: Run) -> Iterator[Violation]:
    """Before a deployment the bundle is promoted, as what was built again, and the way back proven."""
    done: list[tuple[str, tuple[str, ...]]] = []
    for step, command, name in pipelines(run):
        if name == "deploy":
            if not any(one == "promote" for one, _ in done):
                yield _at(step, "deploys what was not promoted", fact="not promoted")
            if not any(one == "rollback" and "--dry-run" in words for one, words in done):
                yield _at(
                    step,
                    "deploys without the proof that the release before could be put back",
                    fact="no way back",
                )
        if name == "promote" and _built(run, step, command) is None:
            yield _at(
                step,
                "promotes what nobody built again: --expect takes the digest that a job without credentials,"
                " which this one needs, has as an output of `pipeline bundle`",
                fact="not built again",
            )
        done.append((name, command.words))


def _at(step: WorkflowStep, message: str, *, fact: str) -> Violation:
    file, line = step.document.file, step.line("run")
    return Violation(f"step {step.name!r} {message}", file, line, fact=f"{step.path}: {fact}")
