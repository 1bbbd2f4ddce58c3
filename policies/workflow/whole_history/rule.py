"""Jobs that look at history, and check out a part of it."""

from collections.abc import Iterator

from pipeline.gate.duties import mapping, pipelines
from pipeline.gate.project import Project
from pipeline.gate.rules import Violation
from pipeline.gate.runs import runs

_LOOKING = ("release", "promote", "deploy", "rollback", "drift", "plan")


def check(project: Project) -> Iterator[Violation]:
    found = []
    for run in runs(project):
        if not any(name in _LOOKING for _, _, name in pipelines(run)):
            continue
        for step in run.job.steps:
            given = mapping(step.body.get("with"))
            if (
                step.uses.lower().startswith("actions/checkout@")
                and str(given.get("fetch-depth", "1")) != "0"
            ):
                line = step.line("with", "fetch-depth")
                found.append(Violation(f"step {step.name!r} leaves history out", step.document.file, line))
    yield from dict.fromkeys(found)
