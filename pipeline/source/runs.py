"""What runs of the workflows reach: every job with steps, by each event, through reusable workflows."""

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.source.expressions import Open, Written, as_text, holds, partly, value
from pipeline.source.project import Project
from pipeline.source.workflows import Call, Job, Workflow, WorkflowStep

DEPTH = 10  # levels of reusable workflows that GitHub allows
_MOST_CASES = 256  # ways of starting a workflow by hand that are looked at one by one
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")

type Values = tuple[str, ...]  # what an expression may stand for
type Contexts = Mapping[str, Any]  # what expressions may use, by name (`github`, `inputs`, ...)


@dataclass(frozen=True)
class Reached:
    """One way to a job with steps: `jobs` leads to it from the event's workflow, through callers.

    `contexts` are what the expressions of each of them may use.
    """

    jobs: tuple[Job, ...]
    contexts: tuple[Contexts, ...]


def reached(
    workflow: Workflow, contexts: Contexts, callee: Callable[[tuple[Job, ...]], Workflow | None]
) -> Iterator[Reached]:
    """Every way to a job with steps, once for each different outcome of the callers' matrices.

    `callee` gives the workflow that the last of some jobs calls; None leaves that call out.
    """
    pending: list[tuple[Workflow, Reached, Contexts]] = [(workflow, Reached((), ()), contexts)]
    while pending:
        current, above, known = pending.pop(0)
        for job in current.jobs:
            here = Reached((*above.jobs, job), (*above.contexts, known))
            if not job.uses:
                yield here
            elif (called := callee(here.jobs)) is not None:
                outcomes: list[dict[str, Any]] = []
                for row in job.combinations:
                    inputs = _handed(job, called, {**known, "matrix": row})
                    if inputs not in outcomes:
                        outcomes.append(inputs)
                pending += [(called, here, {**known, "inputs": inputs}) for inputs in outcomes]


def _handed(job: Job, callee: Workflow, contexts: Contexts) -> dict[str, Any]:
    """The inputs of a called workflow: what the call gives, else the default."""
    given = job.body.get("with")
    given = given if isinstance(given, dict) else {}
    return {
        name: value(given.get(name, default(about)), contexts)
        for name, about in callee.inputs("workflow_call").items()
    }


def default(about: Mapping[str, Any]) -> Any:
    """What an input is that nobody gives. Source: GitHub's "Workflow syntax", on.workflow_call.inputs."""
    found = about.get("default")
    return {"boolean": False, "number": 0}.get(str(about.get("type")), "") if found is None else found


@dataclass(frozen=True)
class Run:
    """A job with steps that an event reaches. `jobs` leads to it from the event's workflow, through callers.

    `cases` hold the contexts of each way in which it can be reached, with each combination of its matrix; a value
    that only the run knows is Written.
    """

    workflow: Workflow
    event: str
    filters: Mapping[str, Any] = field(repr=False)
    jobs: tuple[Job, ...]
    cases: tuple[Contexts, ...] = field(repr=False)

    @property
    def job(self) -> Job:
        return self.jobs[-1]

    @property
    def name(self) -> str:
        """As in `deploy-dev.yml / deploy`, with the event."""
        return f"{self.workflow.name} / {self.jobs[0].id} on {self.event}"

    @property
    def at(self) -> str:
        """The ref that the job's workflow is taken from; empty for the event's own commit."""
        called = [Call.of(job.uses).ref for job in self.jobs[:-1]]
        last = next(filter(None, reversed(called)), "")
        return f"refs/heads/{last}" if last else ""

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
        """What a text with expressions may stand for; those that only the run knows are kept as written."""
        return tuple(dict.fromkeys(partly(text, case) for case in self.cases))

    def active(self, body: Mapping[str, Any]) -> bool | None:
        """Whether the `if` of a step or job holds; None when only the run knows."""
        results = {holds(body.get("if"), case) for case in self.cases}
        return results.pop() if len(results) == 1 else None

    def variable(self, step: WorkflowStep, name: str) -> str | None:
        """An environment variable of a step as written: the step's, else the job's, else the workflow's."""
        for body in (step.body, self.job.body, self.job.workflow.data):
            given = body.get("env")
            if isinstance(given, dict) and name in given:
                return as_text(given[name])
        return None

    def word(self, step: WorkflowStep, word: str) -> Values:
        """What a word of a step's script stands for: a variable is looked up, expressions are resolved."""
        name = _VARIABLE.fullmatch(word)
        written = self.variable(step, name[1] or name[2]) if name else word
        return self.values(written) if written is not None else (word,)


def runs(project: Project) -> tuple[Run, ...]:
    """Every job that an event can reach; `workflow_call` alone starts nothing."""
    return tuple(
        found
        for workflow in project.workflows
        for event, filters in workflow.events.items()
        if event != "workflow_call"
        for found in _of_event(project, workflow, event, filters)
    )


def own(project: Project, uses: str) -> bool:
    """Whether a call is of a workflow of this repository: of the same commit, or of the branch that it deploys from.

    What the branch has is taken to be what the judged files have: they will be it, once they are merged.
    """
    call, described = Call.of(uses), project.described
    at_branch = bool(described.branch) and (call.repository, call.ref) == (
        described.repository,
        described.branch,
    )
    return (not call.repository and not call.ref) or at_branch


def _of_event(project: Project, workflow: Workflow, event: str, filters: Mapping[str, Any]) -> Iterator[Run]:
    files = {one.file: one for one in project.workflows}

    def callee(jobs: tuple[Job, ...]) -> Workflow | None:
        uses = jobs[-1].uses
        return files.get(Call.of(uses).file) if own(project, uses) and len(jobs) < DEPTH else None

    found: dict[tuple[tuple[str, str], ...], tuple[tuple[Job, ...], list[Contexts]]] = {}
    for inputs in _dispatched(workflow) if event == "workflow_dispatch" else [{}]:
        sent = {name: as_text(one) if isinstance(one, bool) else one for name, one in inputs.items()}
        github = Open(event_name=event, workflow=workflow.title, event=Open(inputs=sent))
        for one in reached(workflow, {"github": github, "inputs": inputs}, callee):
            way = tuple((job.workflow.file, job.id) for job in one.jobs)
            cases = found.setdefault(way, (one.jobs, []))[1]
            cases += [{**one.contexts[-1], "matrix": row} for row in one.jobs[-1].combinations]
    for jobs, cases in found.values():
        yield Run(workflow, event, filters, jobs, tuple(cases))


def _dispatched(workflow: Workflow) -> list[dict[str, Any]]:
    """The inputs of each dispatch: the options of a choice, else whatever somebody types."""
    choices = {name: _choices(name, about) for name, about in workflow.inputs("workflow_dispatch").items()}
    while math.prod(map(len, choices.values())) > _MOST_CASES:
        longest = max(choices, key=lambda name: len(choices[name]))
        choices[longest] = [_typed(longest, filled=False)]
    return [dict(zip(choices, chosen, strict=True)) for chosen in itertools.product(*choices.values())]


def _choices(name: str, about: Mapping[str, Any]) -> list[Any]:
    options = about.get("options")
    if about.get("type") == "choice" and isinstance(options, list):
        return [as_text(one) for one in options]
    if about.get("type") == "boolean":
        return [False, True]
    return [_typed(name, filled=about.get("required") is True)]


def _typed(name: str, *, filled: bool) -> Written:
    return Written(f"${{{{ inputs.{name} }}}}", filled=filled)


def attests(step: WorkflowStep) -> bool:
    """Whether GitHub attests something by it."""
    return step.uses.lower().startswith("actions/attest@")


def may_ask(job: Job) -> bool:
    """Whether what is written at a job, or at its workflow, leaves it the right to ask for a token."""
    allowed = job.permissions
    if isinstance(allowed, str):
        return allowed in ("write-all", "default")  # a called job without a word has what its caller has
    return allowed.get("id-token") == "write"
