"""Jobs that build for a promoted environment, or change AWS past the pipeline."""

import re
from collections.abc import Iterator

from pipeline.source.duties import before, calls, changing_aws, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_BUILDING = re.compile(r"^(docker|podman|buildah|zip|poetry|hatch|flit|npm|yarn|gradle|mvn|cargo|go)$")

_OVERRIDING = ("--parameter-overrides", "--config-file", "--capabilities", "--disable-rollback")


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
            for one in (run, *before(project, run)):
                found += [_at(step, f"builds for prod: {what}", fact=what) for step, what in _builds(one)]
        if promoted >= set(run.environments) and run.environments:
            found += _order(run)
    yield from dict.fromkeys(found)


def _builds(run: Run) -> Iterator[tuple[WorkflowStep, str]]:
    for step, command in calls(run):
        if command.pipeline == "bundle" or _BUILDING.match(command.program):
            yield step, " ".join(command.words[:3])


def _order(run: Run) -> Iterator[Violation]:
    """Before a deployment the bundle is promoted, and the way back proven."""
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
        done.append((name, command.words))


def _at(step: WorkflowStep, message: str, *, fact: str) -> Violation:
    file, line = step.document.file, step.line("run")
    return Violation(f"step {step.name!r} {message}", file, line, fact=f"{step.path}: {fact}")
