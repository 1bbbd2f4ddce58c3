"""What runs of the workflows reach: every job with steps, by each event, through reusable workflows."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.source.project import Project
from pipeline.source.workflows import Job, Workflow, WorkflowStep

_DEPTH = 10  # levels of reusable workflows that GitHub allows
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_CONTEXT = re.compile(r"(?:github\.event\.)?inputs\.([\w-]+)|inputs\[['\"]([\w-]+)['\"]\]|matrix\.([\w-]+)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_ATOM = re.compile(r"inputs\.([\w-]+)\s*(==|!=)\s*'([^']*)'")

type Values = tuple[str, ...]  # what an expression may stand for


@dataclass(frozen=True)
class Run:
    """A job with steps that an event reaches. `jobs` leads to it from the event's workflow, through callers.

    `inputs` holds what each input of the job's workflow may be; a value that only the run knows is kept as
    the expression.
    """

    workflow: Workflow
    event: str
    filters: Mapping[str, Any] = field(repr=False)
    jobs: tuple[Job, ...]
    inputs: Mapping[str, Values] = field(repr=False)

    @property
    def job(self) -> Job:
        return self.jobs[-1]

    @property
    def name(self) -> str:
        """As in `deploy-dev.yml / deploy`, with the event."""
        return f"{self.workflow.name} / {self.jobs[0].id} on {self.event}"

    @property
    def environments(self) -> Values:
        """The environments that the job may enter; none for a job without."""
        return tuple(one for one in self.values(self.job.environment) if one)

    @property
    def asks(self) -> bool:
        """Whether the job can ask for an OIDC token: it and each of its callers has `id-token: write`."""
        if self.jobs[0].permissions == "default":
            return False
        return all(may_ask(job) for job in self.jobs)

    def values(self, text: str) -> Values:
        """What a text with expressions on inputs and the matrix may stand for; others are kept as written."""
        return _values(text, self.inputs, _matrix(self.job))

    def active(self, body: Mapping[str, Any]) -> bool | None:
        """Whether the `if` of a step or job holds; None when only the run knows."""
        return _holds(body.get("if"), self.inputs)

    def variable(self, step: WorkflowStep, name: str) -> str | None:
        """An environment variable of a step as written: the step's, else the job's, else the workflow's."""
        for body in (step.body, self.job.body, self.job.workflow.data):
            given = body.get("env")
            if isinstance(given, dict) and name in given:
                return str(given[name])
        return None

    def word(self, step: WorkflowStep, word: str) -> Values:
        """What a word of a step's script stands for: a variable is looked up, expressions are resolved."""
        name = _VARIABLE.fullmatch(word)
        written = self.variable(step, name[1] or name[2]) if name else word
        return self.values(written) if written is not None else (word,)


def runs(project: Project) -> tuple[Run, ...]:
    """Every job that an event can reach; `workflow_call` alone starts nothing."""
    by_file = {one.file: one for one in project.workflows}
    return tuple(
        found
        for workflow in project.workflows
        for event, filters in workflow.events.items()
        if event != "workflow_call"
        for found in _reach(by_file, workflow, event, filters)
    )


def _reach(
    files: Mapping[str, Workflow], workflow: Workflow, event: str, filters: Mapping[str, Any]
) -> Iterator[Run]:
    chosen = _dispatched(filters) if event == "workflow_dispatch" else {}
    pending: list[tuple[Workflow, tuple[Job, ...], Mapping[str, Values]]] = [(workflow, (), chosen)]
    while pending:
        current, above, inputs = pending.pop(0)
        for job in current.jobs:
            chain = (*above, job)
            callee = files.get(job.uses.removeprefix("./")) if job.uses.startswith("./") else None
            if not job.uses:
                yield Run(workflow, event, filters, chain, inputs)
            elif callee is not None and len(chain) < _DEPTH:
                pending.append((callee, chain, _handed(job, callee, inputs)))


def _dispatched(filters: Mapping[str, Any]) -> dict[str, Values]:
    """The inputs of a dispatch: the options of a choice, else whatever somebody types."""
    found: dict[str, Values] = {}
    declared = filters.get("inputs")
    for name, about in declared.items() if isinstance(declared, dict) else ():
        options = about.get("options") if isinstance(about, dict) else None
        kind = about.get("type") if isinstance(about, dict) else None
        if kind == "choice" and isinstance(options, list):
            found[name] = tuple(str(one) for one in options)
        else:
            found[name] = (f"${{{{ inputs.{name} }}}}",)
    return found


def _handed(job: Job, callee: Workflow, inputs: Mapping[str, Values]) -> dict[str, Values]:
    """The inputs of a called workflow: what the call gives, else the default."""
    declared = callee.events.get("workflow_call", {}).get("inputs")
    given = job.body.get("with")
    given = given if isinstance(given, dict) else {}
    found: dict[str, Values] = {}
    for name, about in declared.items() if isinstance(declared, dict) else ():
        default = about.get("default", "") if isinstance(about, dict) else ""
        text = given.get(name, default)
        text = str(text).lower() if isinstance(text, bool) else str(text if text is not None else "")
        found[name] = _values(text, inputs, _matrix(job))
    return found


def _matrix(job: Job) -> dict[str, Values]:
    """The values of each key of a job's matrix; none for one that is computed."""
    strategy = job.body.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if not isinstance(matrix, dict):
        return {}
    found = {
        str(key): tuple(str(one) for one in values)
        for key, values in matrix.items()
        if isinstance(values, list) and key not in ("include", "exclude")
    }
    for entry in matrix.get("include") or () if isinstance(matrix.get("include"), list) else ():
        for key, value in entry.items() if isinstance(entry, dict) else ():
            found[str(key)] = (*found.get(str(key), ()), str(value))
    for entry in matrix.get("exclude") or () if isinstance(matrix.get("exclude"), list) else ():
        for key, value in entry.items() if isinstance(entry, dict) else ():
            found[str(key)] = tuple(one for one in found.get(str(key), ()) if one != str(value))
    return found


def _values(text: str, inputs: Mapping[str, Values], matrix: Mapping[str, Values]) -> Values:
    parts: list[Values] = []
    end = 0
    for expression in _EXPRESSION.finditer(text):
        parts.append((text[end : expression.start()],))
        end = expression.end()
        name = _CONTEXT.fullmatch(expression[1])
        known: Values | None = None
        if name:
            known = matrix.get(name[3]) if name[3] else inputs.get(name[1] or name[2])
        parts.append(known if known is not None else (expression[0],))
    parts.append((text[end:],))
    return tuple(dict.fromkeys("".join(choice) for choice in itertools.product(*parts)))


def may_ask(job: Job) -> bool:
    """Whether what is written at a job, or at its workflow, leaves it the right to ask for a token."""
    allowed = job.permissions
    if isinstance(allowed, str):
        return allowed in ("write-all", "default")  # a called job without a word has what its caller has
    return allowed.get("id-token") == "write"


def _holds(written: Any, inputs: Mapping[str, Values]) -> bool | None:
    """The value of an `if` made of comparisons of inputs with texts, joined by && and ||."""
    if written is None or written is True:
        return True
    if written is False:
        return False
    text = str(written).strip()
    whole = _EXPRESSION.fullmatch(text)
    text = whole[1] if whole else text
    if text in ("true", "success()"):
        return True
    if text == "false":
        return False
    choices = [_all([_atom(one, inputs) for one in part.split("&&")]) for part in text.split("||")]
    return True if True in choices else None if None in choices else False


def _all(tests: list[bool | None]) -> bool | None:
    return False if False in tests else None if None in tests else True


def _atom(text: str, inputs: Mapping[str, Values]) -> bool | None:
    found = _ATOM.fullmatch(text.strip().strip("()").strip())
    values = inputs.get(found[1]) if found else None
    if found is None or values is None or (any("${{" in one for one in values) and found[3]):
        return None
    # An expression that a caller hands on, such as a tag's name, is at least not empty.
    results = {(one == found[3]) == (found[2] == "==") for one in values}
    return results.pop() if len(results) == 1 else None
