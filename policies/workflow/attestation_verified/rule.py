"""Releases that don't ask for GitHub's attestation where it is made, or take another for it.

The command compares what its options name, and nothing else: without an exact identity one by any workflow of
the repository passes, and without the commit one by a branch that is spelled like main in other capitals.
"""

from collections.abc import Iterator, Sequence

from pipeline.iam.trust_policy import PROVIDER
from pipeline.source.duties import mapping, needed, pipelines
from pipeline.source.project import Project
from pipeline.source.runs import Run, attests, may_ask, runs
from pipeline.source.scripts import Command, commands
from pipeline.source.violations import Violation
from pipeline.source.workflows import Job, WorkflowStep

_VERIFY = ("gh", "attestation", "verify")
_PROVENANCE = "https://slsa.dev/provenance/v1"
_FLAGS = ("--deny-self-hosted-runners",)
_COMPARING = ("sha256sum", "--check", "--strict")


def check(project: Project) -> Iterator[Violation]:
    made = [run for run in runs(project) if any(map(attests, run.job.steps))]
    found = [one for run in runs(project) for one in _release(project, run, made)] if made else []
    yield from dict.fromkeys(found)


def _release(project: Project, run: Run, made: Sequence[Run]) -> Iterator[Violation]:
    """Of a run that promotes: that a job before it asks, and asks for enough."""
    expected = {
        value
        for step, command, name in pipelines(run)
        if name == "promote"
        for word in _after(command, "--expect")
        for value in run.word(step, word)
    }
    if not any(name == "promote" for _, _, name in pipelines(run)):
        return
    first = run.jobs[0]
    before = [job for job in first.workflow.jobs if job.id in needed(first)]
    asking = [
        (job, step, one)
        for job in before
        for step in job.steps
        for one in commands(step.run)
        if _verifies(one)
    ]
    if not asking:
        text = f"job {first.id} promotes what no job before it asked GitHub's attestation of"
        yield Violation(text, first.workflow.file, first.line("needs"), fact=f"{first.id}: attestation")
    for job, step, asked in asking:
        why = _more(job) or _less(project, step, asked, expected, made)
        if why:
            text = f"job {job.id} takes more for GitHub's attestation than main's own: {why}"
            line = step.line_of(step.run.splitlines()[asked.row].strip(), "run")
            yield Violation(text, job.workflow.file, line, fact=f"{job.id}: {why}")


def _after(command: Command, option: str) -> Sequence[str]:
    words = list(command.arguments)
    return words[words.index(option) + 1 :][:1] if option in words else []


def _verifies(command: Command) -> bool:
    return command.words[:3] == _VERIFY


def _more(job: Job) -> str:
    """What a job that asks holds or runs beside, and could have it say yes by."""
    if job.environment or may_ask(job):
        return "it can become a role"
    beside = next(
        (key for key in ("if", "env", "defaults", "container", "services") if job.body.get(key)), ""
    )
    beside = beside or next((key for key in ("env", "defaults") if job.workflow.data.get(key)), "")
    if beside:
        return f"it has `{beside}`"
    for step in job.steps:
        if not step.uses.lower().startswith("actions/download-artifact@") and not any(
            map(_verifies, commands(step.run))
        ):
            return f"step {step.name!r} runs beside it"
    return ""


def _less(
    project: Project, step: WorkflowStep, asked: Command, expected: set[str], made: Sequence[Run]
) -> str:
    """What a step doesn't ask for, or not of the file whose digest is promoted."""
    conditions = {str(job.body["if"]) for run in made for job in run.jobs if "if" in job.body}
    if "if" in step.body and str(step.body["if"]) not in conditions:
        return f"it is asked under another condition than it is made, {step.body['if']}"
    if odd := {"shell", "working-directory"} & step.body.keys():
        return f"it has `{min(odd)}`"
    options, files = _options(asked.words[3:])
    wanted = [_wanted(project, run) for run in made]
    if options not in wanted:
        odd = {name for name in options.keys() | wanted[0].keys() if options.get(name) != wanted[0].get(name)}
        return f"its {min(odd)} is {options.get(min(odd), 'missing')}"
    told = {name: str(value) for name, value in mapping(step.body.get("env")).items()}
    names = [name for name, value in told.items() if {value} == expected]
    if not names or told.keys() - {names[0], "GH_TOKEN"}:
        return f"of its variables one is the digest that is promoted, and GH_TOKEN another: {', '.join(told)}"
    shape = [(one.words, one.before, one.after, one.negated) for one in commands(step.run)]
    echo = ("echo", f"${names[0]}  {''.join(files)}")
    if shape != [(echo, "", "|", False), (_COMPARING, "|", "", False), (asked.words, "", "", False)]:
        return "its script is something else than the comparison of that digest with the file's, and the question"
    return ""


def _options(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options of a call with their values, and what is no option."""
    options: dict[str, str] = {}
    files, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        name, given, value = word.partition("=")
        if not word.startswith("-"):
            files.append(word)
        elif name in _FLAGS:
            options[name] = value
        else:
            options[name] = value if given else rest.pop(0) if rest else ""
    return options, files


def _wanted(project: Project, run: Run) -> dict[str, str]:
    """The options by which nothing but the attestation of a run's job passes."""
    repository, at = project.described.repository, f"refs/heads/{project.described.branch}"
    return {
        "--repo": repository,
        "--cert-identity": f"https://github.com/{repository}/{run.job.workflow.file}@{at}",
        "--cert-oidc-issuer": f"https://{PROVIDER}",
        "--source-ref": at,
        "--source-digest": "$GITHUB_SHA",
        "--predicate-type": _PROVENANCE,
        "--deny-self-hosted-runners": "",
    }
