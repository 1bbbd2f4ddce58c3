"""Calls of `pipeline` that change or compare an environment, and stand behind a shell when their job is cancelled."""

from collections.abc import Iterator

from pipeline.source.duties import CHANGING, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import runs
from pipeline.source.scripts import Command, commands
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_HEARING = (*CHANGING, "drift")
_APART = ("|", "|&", "&", "(", ")")  # on either side of a command: it runs in a shell of its own


def check(project: Project) -> Iterator[Violation]:
    calls = [call for run in runs(project) for call in pipelines(run)]
    calls += [
        (step, command, command.pipeline)
        for action in project.actions
        for step in action.steps
        for command in commands(step.run)
    ]
    found = [
        _at(step, command, name)
        for step, command, name in calls
        if name in _HEARING and not _becomes(command)
    ]
    yield from dict.fromkeys(found)


def _becomes(command: Command) -> bool:
    """Whether the step's shell becomes this command."""
    return command.replaces and command.before not in _APART and command.after not in _APART


def _at(step: WorkflowStep, command: Command, name: str) -> Violation:
    row = step.run.splitlines()[command.row].strip()
    text = f"step {step.name!r} runs {name} behind a shell, which hands no signal on: exec"
    return Violation(text, step.document.file, step.line_of(row, "run"), fact=f"{step.path}: {name}")
