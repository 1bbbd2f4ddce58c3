"""Steps, actions, shells, images and called workflows of jobs with a role that aren't on the list."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from posixpath import normpath
from typing import Any

from pipeline.source import recipes
from pipeline.source.duties import local_action, mapping, steps
from pipeline.source.plain import Call, NotPlainError, calls
from pipeline.source.project import Project
from pipeline.source.role_jobs import Listed, jobs, listed
from pipeline.source.violations import Violation
from pipeline.source.workflows import Job, WorkflowStep

_PINNED = re.compile(r"([\w.-]+/[\w./-]+)@[0-9a-f]{40}")
_PLAIN_FOLDERS = (".", "${{ github.workspace }}")
_MAKE = re.compile(r"\bmake\b")
_DEPTH = 10  # levels of composite actions that GitHub allows
_INPUT = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")
_VARIABLE = re.compile(
    r"\$\{(\w+)\}"
)  # in quotes, as pipeline.source.plain reads it: one word, whatever it holds
_LATER = re.compile(r"\bGITHUB_(ENV|PATH)\b")
_INSTEAD = "let `bin/pipeline` do it, or a job without a role"


def check(project: Project) -> Iterator[Violation]:
    known = listed()
    held = jobs(project)
    found = [violation for job in held for violation in _job(project, job, known)]
    if any(_MAKE.search(step.run) for job in held for step in steps(project, job)):
        found += _recipes(project, known)
    yield from dict.fromkeys(found)


def _recipes(project: Project, known: Listed) -> Iterator[Violation]:
    """What `make install-...` runs in turn, as jobs with a role call it."""
    file = next((name for name in recipes.FILES if name in project.files), "")
    for line in recipes.scripts(project.text(file), "install-"):
        wrong = line.script if line.odd else ""
        try:
            found = [] if line.odd else calls(line.script)
        except NotPlainError as error:
            found, wrong = [], error.what
        for call in found:
            if call.words and not any(one.fullmatch(" ".join(call.words)) for one in known.recipes):
                wrong = wrong or " ".join(call.words[:4])
            for name in call.writes:
                if not any(one.fullmatch(name) for one in known.recipe_writes):
                    wrong = wrong or f"> {name}"
        if wrong:
            yield Violation(
                f"in jobs with a role make runs `{wrong}`, which isn't on the list",
                file,
                line.number,
                fact=line.script,
            )


def _job(project: Project, job: Job, known: Listed) -> Iterator[Violation]:
    for key in ("container", "services"):
        if job.body.get(key):
            message = f"job {job.id} holds a role, and runs images by `{key}`: run them in a job without"
            yield Violation(
                message, job.workflow.file, job.line(key), fact=f"{job.id}: {key} {job.body[key]}"
            )
    for body, place in ((job.workflow.data, ()), (job.body, job.place)):
        given = mapping(mapping(body.get("defaults")).get("run"))
        for message, key in _start(given, known):
            line = job.workflow.line(*place, "defaults", "run", key)
            yield Violation(
                f"job {job.id} holds a role, and {message}",
                job.workflow.file,
                line,
                fact=f"{job.id}: {key} {given[key]}",
            )
        for name in _variables(body, known):
            message = (
                f"job {job.id} holds a role, and sets {name}, which changes what runs in it: leave it out"
            )
            yield Violation(
                message,
                job.workflow.file,
                job.workflow.line(*place, "env", name),
                fact=f"{job.id}: env {name}",
            )
    for step in job.steps:
        yield from _step(project, step, known, 1)


def _start(body: dict[str, Any], known: Listed) -> Iterator[tuple[str, str]]:
    """What is wrong with how scripts are started, and the key that says it."""
    if "shell" in body and body["shell"] not in known.shells:
        yield f"starts its script by {body['shell']}: leave `shell` out, or say bash", "shell"
    folder = str(body.get("working-directory", "."))
    if normpath(folder) not in _PLAIN_FOLDERS:
        yield (
            f"runs in {folder}, where bin/pipeline is another: leave `working-directory` out",
            "working-directory",
        )


def _variables(body: dict[str, Any], known: Listed) -> list[str]:
    """The variables of a workflow, job or step that may not be set."""
    names = map(str, mapping(body.get("env")))
    return [name for name in names if any(one.fullmatch(name) for one in known.variables_never)]


def _step(
    project: Project, step: WorkflowStep, known: Listed, depth: int, given: Mapping[str, str] = {}
) -> Iterator[Violation]:
    """`given` are the inputs of the action whose step it is, as far as they are known."""
    wrong = list(_start(step.body, known))
    yield from (_at(step, message, step.line(key), fact=f"{key} {step.body[key]}") for message, key in wrong)
    for name in _variables(step.body, known):
        yield _at(
            step,
            f"sets {name}, which changes what runs in it: leave it out",
            step.line("env", name),
            fact=f"env {name}",
        )
    if step.uses.startswith("./"):
        yield from _local(project, step, known, depth)
    elif step.uses:
        yield from _foreign(step, known)
    if step.run and not wrong:
        yield from _script(step, known, _told(step, given))


def _told(step: WorkflowStep, given: Mapping[str, str]) -> dict[str, str]:
    """The variables of a step whose values are known: written there, or given to its action."""
    found = {name: str(value) for name, value in mapping(step.body.get("env")).items()}
    inputs = {name: _INPUT.fullmatch(value.strip()) for name, value in found.items()}
    found |= {name: given.get(match[1], found[name]) for name, match in inputs.items() if match}
    return {name: value for name, value in found.items() if "${{" not in value}


def _local(project: Project, step: WorkflowStep, known: Listed, depth: int) -> Iterator[Violation]:
    action = local_action(project, step)
    if action is None:
        yield _at(
            step,
            f"uses {step.uses}, which isn't there to be judged",
            step.line("uses"),
            fact=f"uses {step.uses}",
        )
    elif mapping(action.data.get("runs")).get("using") != "composite":
        yield _at(
            step, f"runs the program of {step.uses}: {_INSTEAD}", step.line("uses"), fact=f"uses {step.uses}"
        )
    elif depth > _DEPTH:
        yield _at(step, f"uses {step.uses} in itself", step.line("uses"), fact=f"uses {step.uses} in itself")
    else:
        inputs = mapping(action.data.get("inputs"))
        given = {name: str(mapping(about).get("default", "")) for name, about in inputs.items()}
        given |= {name: str(value) for name, value in mapping(step.body.get("with")).items()}
        for inner in action.steps:
            yield from _step(project, inner, known, depth + 1, given)


def _foreign(step: WorkflowStep, known: Listed) -> Iterator[Violation]:
    pinned = _PINNED.fullmatch(step.uses)
    name = step.uses.partition("@")[0].lower()
    action = known.actions.get(name)
    if action is None:
        yield _at(step, f"uses {name}, which isn't on the list: {_INSTEAD}", step.line("uses"), fact=name)
        return
    if pinned is None:
        yield _at(
            step,
            f"uses {step.uses}, which is another tomorrow: pin the whole commit",
            step.line("uses"),
            fact=step.uses,
        )
    given = mapping(step.body.get("with"))
    names = {str(key).lower(): key for key in given}
    for key in names if action.only else action.never:
        if key in names and key not in action.only:
            yield _at(
                step,
                f"gives {name} the input {key}: leave it out",
                step.line("with", names[key]),
                fact=f"{name} {key}",
            )
    given_may = {key: pattern for key, pattern in action.may.items() if key in names}
    for key, pattern in (*action.inputs.items(), *given_may.items()):
        value = str(given.get(names.get(key, key), ""))
        if not pattern.fullmatch(value.strip()):
            said = f"{key}: {value.strip()}" if value else f"no {key}"
            yield _at(
                step,
                f"gives {name} {said}; here {key} fits {pattern.pattern}",
                step.line("with", names.get(key, key)),
                fact=f"{name} {key} {value}",
            )


def _script(step: WorkflowStep, known: Listed, told: Mapping[str, str]) -> Iterator[Violation]:
    try:
        found = calls(step.run, known.expressions)
    except NotPlainError as error:
        message = f"holds `{error.what}`, behind which anything could run: {_INSTEAD}"
        yield _at(step, message, _line(step, error.row), fact=step.run)
        return
    for read in found:
        words = (_VARIABLE.sub(lambda one: told.get(one[1], one[0]), word) for word in read.words)
        call = replace(read, words=tuple(words))
        if message := _why(call, known):
            yield _at(
                step, message, _line(step, call.row), fact=" > ".join((" ".join(call.words), *call.writes))
            )


def _why(call: Call, known: Listed) -> str:
    words = call.words
    if len(words) > 1 and words[0] == "exec":
        words = words[1:]  # the shell becomes the program, instead of waiting for it
    if words:
        pattern = known.commands.get(words[0].removeprefix("./") if "/" in words[0][2:] else words[0])
        if pattern is None or not pattern.fullmatch(" ".join(words[1:])):
            return f"runs `{' '.join(words[:3])}`, which isn't on the list: {_INSTEAD}"
    if named := next((found for word in words if (found := _LATER.search(word))), None):
        return f"names {named[0]}, by which it changes what later steps run: {_INSTEAD}"
    for file in call.writes:
        if not any(one.fullmatch(file) for one in known.writes):
            return f"writes {file}, which may be run later: {_INSTEAD}"
    return ""


def _line(step: WorkflowStep, row: int) -> int:
    """The line of a script's row; the step's script begins at `run`."""
    rows = step.run.splitlines()
    return step.line_of(rows[row].strip(), "run") if row < len(rows) else step.line("run")


def _at(step: WorkflowStep, message: str, line: int, *, fact: str) -> Violation:
    text = f"in a job with a role, step {step.name!r} {message}"
    return Violation(text, step.document.file, line, fact=f"{step.path}: {fact}")
