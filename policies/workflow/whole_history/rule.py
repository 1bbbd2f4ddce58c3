"""Jobs that look at tags or history, and check out a part of it, or tags that have lost their annotation."""

from collections.abc import Iterator

from pipeline.source.duties import base, calls, is_engine, mapping, pipelines, steps
from pipeline.source.pins import of_step
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_LOOKING = ("release", "promote", "deploy", "rollback", "drift", "plan")
_LOOKING_GIT = {"verify-tag", "describe", "cat-file", "for-each-ref", "-v", "--verify"}
# Before it the tag of the event was fetched as its commit, also with fetch-depth 0: actions/checkout's
# src/ref-helper.ts, its issue 290, and "preserve annotations" in the notes of v6.0.2 (pull request 2356).
_KEEPS_ANNOTATIONS = (6, 0, 2)


def check(project: Project) -> Iterator[Violation]:
    found: list[Violation] = []
    for run in runs(project):
        if _looks(run):
            for step in steps(project, run.job):
                looked_at = step.uses.lower().startswith("actions/checkout@") and not is_engine(step)
                found += _step(step) if looked_at else ()
    yield from dict.fromkeys(found)


def _looks(run: Run) -> bool:
    if any(name in _LOOKING or any(base(command)) for _, command, name in pipelines(run)):
        return True
    return any(one.program == "git" and _LOOKING_GIT & set(one.words) for _, one in calls(run))


def _step(step: WorkflowStep) -> Iterator[Violation]:
    if str(mapping(step.body.get("with")).get("fetch-depth", "1")) != "0":
        line = step.line("with", "fetch-depth")
        yield Violation(
            f"step {step.name!r} leaves history out",
            step.document.file,
            line,
            fact=f"{step.path}: fetch-depth",
        )
    version = of_step(step).version
    if version and version < _KEEPS_ANNOTATIONS:
        said, least = (".".join(map(str, one)) for one in (version, _KEEPS_ANNOTATIONS))
        message = f"step {step.name!r} takes an annotated tag for its commit: v{said}, and v{least} keeps it"
        yield Violation(message, step.document.file, step.line("uses"), fact=f"{step.path}: tags")
