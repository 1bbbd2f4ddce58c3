"""Calls of the gate that hold a change against another commit than the one that its event began from."""

import re
from collections.abc import Iterator

from pipeline.source.duties import base, mapping, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import Command
from pipeline.source.stages import STAGES
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

# What is checked out for a pull request is its merge with main as it is then: HEAD^1 is that main. The event's own
# base.sha can be of long ago, and what others merged since would count as the pull request's.
_QUEUED = "${{ github.event.merge_group.base_sha }}"
_EITHER = "${{ github.event.merge_group.base_sha || 'HEAD^1' }}"
_OWN = {
    "pull_request": ("HEAD^1", _EITHER),
    "merge_group": (_QUEUED, _EITHER),
    "push": ("${{ github.event.before }}",),
}
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_INPUT = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")


def check(project: Project) -> Iterator[Violation]:
    found: list[Violation] = []
    for run in runs(project):
        for step, command, name in pipelines(run):
            if name in (*STAGES, "check") or "$" in name:
                found += _call(run, step, command)
    yield from dict.fromkeys(found)


def _call(run: Run, step: WorkflowStep, command: Command) -> Iterator[Violation]:
    for word in base(command):
        if word is None:
            yield _at(step, "doesn't say which options it gives, and so not what is left out")
        elif word:
            yield from _value(run, step, word)


def _value(run: Run, step: WorkflowStep, word: str) -> Iterator[Violation]:
    variable = _VARIABLE.fullmatch(word)
    name = (variable[1] or variable[2]) if variable else ""
    # Of a job's or workflow's variable an earlier step may have made another one: $GITHUB_ENV.
    written = str(mapping(step.body.get("env")).get(name, "")) if name else ""
    if not name or name not in mapping(step.body.get("env")):
        yield _at(step, f"is held against {_shown(word)}, which no variable of the step's env gives")
    elif len(re.findall(rf"\b{name}\b", step.run)) > 1:
        yield _at(step, f"uses {name} for more than the base: it may be another one by then")
    else:
        own = [_plain(one) for one in _OWN.get(run.event, ())]
        for value in run.values(written):
            if value.strip() and _plain(value) not in own:
                yield _where(run, step, name, written, f"{_shown(value)} is not the base of a {run.event}")


def _plain(value: str) -> str:
    """A value without the blanks that mean nothing."""
    return re.sub(r"\s+(?=\}\})|(?<=\{\{)\s+", "", re.sub(r"\s+", " ", value.strip()))


def _shown(word: str) -> str:
    return word.replace("\x00", " ")


def _at(step: WorkflowStep, message: str) -> Violation:
    fact = f"{step.path}: {message}"
    return Violation(f"step {step.name!r} {message}", step.document.file, step.line("run"), fact=fact)


def _where(run: Run, step: WorkflowStep, name: str, written: str, message: str) -> Violation:
    """Where the value is given: by the caller of the workflow, else at the step."""
    handed = _INPUT.fullmatch(written.strip())
    if handed and len(run.jobs) > 1 and handed[1] in mapping(run.jobs[-2].body.get("with")):
        caller = run.jobs[-2]
        return Violation(
            message, caller.workflow.file, caller.line("with", handed[1]), fact=f"{step.path}: {message}"
        )
    return Violation(message, step.document.file, step.line("env", name), fact=f"{step.path}: {message}")
