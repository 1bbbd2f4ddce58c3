"""Jobs that ship, and restore a cache."""

from collections.abc import Iterator

from pipeline.source.duties import mapping, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_SHIPPING = ("bundle", "deploy", "promote", "rollback", "release", "passport")
_OFF = ("", "false", "off", "none", "no")


def check(project: Project) -> Iterator[Violation]:
    found = []
    for run in runs(project):
        if not _ships(run):
            continue
        for step in run.job.steps:
            if place := _restores(run, step):
                line = step.line(*place)
                found.append(
                    Violation(
                        f"step {step.name!r} restores a cache",
                        step.document.file,
                        line,
                        fact=f"{step.path}: {place[-1]}",
                    )
                )
    yield from dict.fromkeys(found)


def _ships(run: Run) -> bool:
    return run.asks or any(name in _SHIPPING for _, _, name in pipelines(run))


def _restores(run: Run, step: WorkflowStep) -> tuple[str, ...]:
    if step.uses.lower().startswith(("actions/cache@", "actions/cache/restore@")):
        return ("uses",)
    for key, value in mapping(step.body.get("with")).items():
        if key in ("cache", "enable-cache", "restore-cache"):
            values = run.values(str(value).lower())
            if any(one not in _OFF for one in values):
                return ("with", key)
    return ()
