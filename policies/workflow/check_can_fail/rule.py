"""Commands and jobs whose failure counts for nothing."""

import re
from collections.abc import Iterator

from pipeline.source.duties import checks, mapping, pipelines
from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import Command, commands
from pipeline.source.stages import STAGES
from pipeline.source.violations import Violation
from pipeline.source.workflows import Action, Job, Workflow, WorkflowStep

_SOFT = re.compile(
    r"--(soft-fail(-on)?|exit-zero|no-exit-codes|no-error|no-fail|collect-only|co|deselect|ignore|exit-code=0"
    r"|skip-check|skip-path|ignore-checks|maxfail=0|help|version)(=.*)?"
)
_SOFT_OF = {"checkov": ("-s",), "pytest": ("-k",), "make": ("-i", "-k", "-n", "--dry-run")}
_FAILING = ("exit", "false", "return", "kill")
_HIDING = ("true", ":", "exit")
_LAX = re.compile(r"\bset\s+(\+[a-z]*e|\+o\s+errexit)|\btrap\s+.*\b(exit\s+0|true)\b")
# Contexts that a stranger, or a setting outside of git, decides about; and one release alone.
_BY_CHANCE = re.compile(
    r"github\.(actor|triggering_actor|run_(id|number|attempt)|event\.(sender|head_commit|commits|pusher|repository\.private))"
    r"|\bvars\.|'v\d"
)
_CONDITION = re.compile(r"^\s*(if|while|until|elif)\s")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        yield from _file(one)
        for step in one.steps:
            yield from _step(step, _shell(one, step))
    found = [violation for run in runs(project) for violation in _run(run)]
    yield from dict.fromkeys(found)


def _file(one: Workflow | Action) -> Iterator[Violation]:
    top: Place = ("defaults", "run", "shell")
    for place, body in ((top, one.data), *_defaults(one)):
        shell = mapping(mapping(body.get("defaults")).get("run")).get("shell")
        if shell and _is_lax(str(shell)):
            yield Violation(
                f"the shell {shell!r} goes on after a command that fails",
                one.file,
                one.document.line(*place),
                fact=f"{one.document.path(*place)} {shell}",
            )


def _defaults(one: Workflow | Action) -> Iterator[tuple[Place, dict[str, object]]]:
    for job in one.jobs if isinstance(one, Workflow) else ():
        yield (*job.place, "defaults", "run", "shell"), job.body


def _shell(one: Workflow | Action, step: WorkflowStep) -> str:
    """The shell of a step as written: the step's, else the job's or the workflow's default; may be empty."""
    bodies = [step.body]
    if isinstance(one, Workflow):
        job = next(job for job in one.jobs if job.place == step.place[:2])
        bodies += [mapping(mapping(body.get("defaults")).get("run")) for body in (job.body, one.data)]
    return next((str(body["shell"]) for body in bodies if body.get("shell")), "")


def _is_lax(shell: str) -> bool:
    return "{0}" in shell and not re.search(r"-[a-z]*e", shell)


def _run(run: Run) -> Iterator[Violation]:
    for job in run.jobs:
        yield from _job(job)
    for step, _, name in pipelines(run):
        if name in (*STAGES, "check") and "if" in step.body:
            yield _at(
                step, f"runs {name} in some cases only", step.line("if"), fact=f"{name} if {step.body['if']}"
            )
        if found := _BY_CHANCE.search(str(step.body.get("if", ""))):
            yield _at(
                step,
                f"runs {name} or not by {found[0]}",
                step.line("if"),
                fact=f"{name} by chance: {step.body['if']}",
            )
        for job in run.jobs:
            if found := _BY_CHANCE.search(str(job.body.get("if", ""))):
                text = f"job {job.id} runs {name} or not by {found[0]}"
                yield Violation(
                    text,
                    job.workflow.file,
                    job.line("if"),
                    fact=f"{job.id}: {name} by chance: {job.body['if']}",
                )
        if folder := _elsewhere(run, step):
            yield _at(
                step,
                f"judges the folder {folder}, not the repository",
                step.line("working-directory"),
                fact=f"folder {folder}",
            )


def _elsewhere(run: Run, step: WorkflowStep) -> str:
    """The folder that `pipeline` is called in, if it isn't the repository's root."""
    shared = [
        mapping(mapping(body.get("defaults")).get("run")) for body in (run.job.body, run.job.workflow.data)
    ]
    found = next(
        (str(one["working-directory"]) for one in (step.body, *shared) if one.get("working-directory")), "."
    )
    return "" if found.rstrip("/") in (".", "${{ github.workspace }}") else found


def _job(job: Job) -> Iterator[Violation]:
    if job.body.get("continue-on-error", False) is not False:
        yield Violation(
            f"job {job.id} goes on when it fails",
            job.workflow.file,
            job.line("continue-on-error"),
            fact=f"{job.id}: continue-on-error",
        )


def _step(step: WorkflowStep, shell: str) -> Iterator[Violation]:
    if step.body.get("continue-on-error", False) is not False:
        yield _at(step, "goes on when it fails", step.line("continue-on-error"), fact="continue-on-error")
    if step.body.get("shell") and _is_lax(str(step.body["shell"])):
        yield _at(step, "goes on after a command that fails", step.line("shell"), fact="shell")
    found = list(commands(step.run))
    rows = step.run.splitlines()
    safe = shell == "bash" or "pipefail" in step.run or "-o pipefail" in shell
    for index, command in enumerate(found):
        if checks(command) and (
            why := _why(command, found[index + 1 :], safe)
            or _in_condition(command, rows[command.row], found[index + 1 :])
        ):
            yield _at(
                step,
                why,
                step.line_of(rows[command.row].strip(), "run"),
                fact=f"{command.program} in {rows[command.row]}",
            )
    for row in filter(_LAX.search, rows) if any(map(checks, found)) else ():
        line = step.line_of(row.strip(), "run")
        yield _at(step, "tells the shell to go on after a failure", line, fact=row)


def _why(command: Command, following: list[Command], safe: bool) -> str:
    after = following[0] if following else None
    name = command.pipeline or command.program
    if command.after == "||" and not (after and after.program in _FAILING and "0" not in after.words):
        return f"goes on when {name} fails"
    if command.after == ";" and after and after.program in _HIDING and "1" not in after.words:
        return f"hides how {name} ended"
    if command.after in ("|", "|&") and not safe:
        return f"takes the status of the last program of the pipe, not of {name}: add `shell: bash`"
    if command.after == "&":
        return f"doesn't wait for {name}"
    soft = [word for word in command.words[1:] if _SOFT.fullmatch(word)]
    soft += [word for word in command.words[1:] if word in _SOFT_OF.get(command.program, ())]
    return f"passes {soft[0]}, with which {name} judges less or never fails" if soft else ""


def _in_condition(command: Command, row: str, following: list[Command]) -> str:
    if not _CONDITION.search(row):
        return f"turns what {command.program} says around" if command.negated else ""
    fails = any(one.program in _FAILING and "0" not in one.words for one in following)
    return "" if fails else "asks a check, and goes on whatever it says"


def _at(step: WorkflowStep, message: str, line: int, *, fact: str) -> Violation:
    return Violation(f"step {step.name!r} {message}", step.document.file, line, fact=f"{step.path}: {fact}")
