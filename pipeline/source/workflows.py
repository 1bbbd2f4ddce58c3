"""GitHub workflows and composite actions, with the line of everything in them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.source.expressions import Open, Written
from pipeline.source.located import Document, Place, Step

FOLDER = ".github/workflows"
LOCAL = "./"  # what a call of a workflow, or an action, of the same commit begins with


@dataclass(frozen=True)
class Call:
    """What `uses` says of a workflow that is called: `repository` and `ref` are empty for one of the same commit."""

    repository: str
    file: str
    ref: str

    @classmethod
    def of(cls, uses: str) -> "Call":
        if uses.startswith(LOCAL):
            return cls("", uses.removeprefix(LOCAL), "")
        path, _, ref = uses.partition("@")
        owner, name, file = (*path.split("/", 2), "", "")[:3]
        return cls(f"{owner}/{name}", file, ref)


@dataclass(frozen=True)
class WorkflowStep:
    """One step of a job or of a composite action; `place` is its path in the file."""

    body: dict[str, Any]
    place: Place
    document: Document = field(repr=False)

    @property
    def uses(self) -> str:
        return str(self.body.get("uses") or "")

    @property
    def run(self) -> str:
        return str(self.body.get("run") or "")

    @property
    def name(self) -> str:
        return str(self.body.get("name") or self.uses or self.run.split("\n", 1)[0])

    @property
    def path(self) -> str:
        """The step as a fact names it: JOB/NAME, of an action NAME; neither its number nor a commit, which change."""
        name = self.body.get("name") or self.uses.partition("@")[0] or self.run.split("\n", 1)[0]
        return f"{self.place[1]}/{name}" if self.place[0] == "jobs" else str(name)

    def line(self, *place: Step) -> int:
        return self.document.line(*self.place, *place)

    def line_of(self, needle: str, *place: Step) -> int:
        """The first line from the step's `place` on that holds `needle`, as in a script of many lines."""
        return self.document.line_of_text(needle, *self.place, *place)


@dataclass(frozen=True)
class Job:
    """One job of a workflow."""

    id: str
    body: dict[str, Any]
    workflow: "Workflow" = field(repr=False)

    @property
    def place(self) -> Place:
        return ("jobs", self.id)

    @property
    def uses(self) -> str:
        """The reusable workflow that this job calls; empty when it has steps of its own."""
        return str(self.body.get("uses") or "")

    @property
    def needs(self) -> list[str]:
        found = self.body.get("needs") or []
        return [found] if isinstance(found, str) else [str(item) for item in found]

    @property
    def environment(self) -> str:
        """The name of the environment that the job declares, as written; empty for none."""
        found = self.body.get("environment") or ""
        return str(found.get("name", "")) if isinstance(found, dict) else str(found)

    @property
    def permissions(self) -> dict[str, str] | str:
        """What the token may do: the job's, else the workflow's, else 'default' (the repository's)."""
        for body in (self.body, self.workflow.data):
            if "permissions" in body:
                found = body["permissions"]
                return found if isinstance(found, dict | str) else {}
        return "default"

    @property
    def steps(self) -> Iterator[WorkflowStep]:
        yield from _steps(self.body.get("steps"), (*self.place, "steps"), self.workflow.document)

    @property
    def combinations(self) -> list[dict[str, Any]]:
        """The values of `matrix` in each of the jobs that it makes of this one; one for a job without a matrix.

        Of a matrix, or a part, that only the run knows, every value is known to the run alone.
        """
        strategy = self.body.get("strategy")
        return _combinations(strategy.get("matrix") if isinstance(strategy, dict) else strategy)

    def line(self, *place: Step) -> int:
        return self.workflow.document.line(*self.place, *place)


@dataclass(frozen=True)
class Workflow:
    """A file of .github/workflows."""

    document: Document = field(repr=False)

    @property
    def file(self) -> str:
        return self.document.file

    @property
    def name(self) -> str:
        """The file's name alone, as in `deploy.yml`."""
        return self.file.rsplit("/", 1)[-1]

    @property
    def data(self) -> dict[str, Any]:
        return self.document.data if isinstance(self.document.data, dict) else {}

    @property
    def title(self) -> str:
        """As GitHub shows it: the workflow's `name`, else its file."""
        return str(self.data.get("name") or self.file)

    @property
    def triggers(self) -> dict[str, Any]:
        """The events under `on` and what is written below each."""
        found = self.data.get("on")
        if isinstance(found, str):
            return {found: {}}
        if isinstance(found, list):
            return {str(item): {} for item in found}
        return {key: value or {} for key, value in found.items()} if isinstance(found, dict) else {}

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        """The events under `on` and their filters."""
        return {name: value if isinstance(value, dict) else {} for name, value in self.triggers.items()}

    def inputs(self, event: str) -> dict[str, dict[str, Any]]:
        """What is declared of each input of a call or a dispatch."""
        declared = self.events.get(event, {}).get("inputs")
        listed = declared.items() if isinstance(declared, dict) else ()
        return {name: about if isinstance(about, dict) else {} for name, about in listed}

    @property
    def jobs(self) -> Iterator[Job]:
        found = self.data.get("jobs")
        for name, body in found.items() if isinstance(found, dict) else ():
            if isinstance(body, dict):
                yield Job(name, body, self)

    @property
    def steps(self) -> Iterator[WorkflowStep]:
        for job in self.jobs:
            yield from job.steps

    def line(self, *place: Step) -> int:
        return self.document.line(*place)


@dataclass(frozen=True)
class Action:
    """A composite action of this repository."""

    document: Document = field(repr=False)

    @property
    def file(self) -> str:
        return self.document.file

    @property
    def data(self) -> dict[str, Any]:
        return self.document.data if isinstance(self.document.data, dict) else {}

    @property
    def steps(self) -> Iterator[WorkflowStep]:
        runs = self.data.get("runs")
        if isinstance(runs, dict):
            yield from _steps(runs.get("steps"), ("runs", "steps"), self.document)


def _steps(found: Any, place: Place, document: Document) -> Iterator[WorkflowStep]:
    for index, body in enumerate(found if isinstance(found, list) else []):
        if isinstance(body, dict):
            yield WorkflowStep(body, (*place, index), document)


def _combinations(matrix: Any) -> list[dict[str, Any]]:
    if matrix is None:
        return [{}]
    if not isinstance(matrix, dict):
        return [Open()]
    axes = {key: values for key, values in matrix.items() if key not in ("include", "exclude")}
    include, exclude = (_rows(matrix.get(key)) for key in ("include", "exclude"))
    if include is None or exclude is None or not all(isinstance(values, list) for values in axes.values()):
        return [Open()]
    written = ([_value(one) for one in values] for values in axes.values())
    product = [dict(zip(axes, values, strict=True)) for values in itertools.product(*written)] if axes else []
    product = [row for row in product if not any(out.items() <= row.items() for out in exclude)]
    rows = list(product)
    for extra in include:
        # It extends the combinations whose axes it doesn't change; where there are none, it is one of its own.
        fitting = [row for row in product if all(row[key] == extra[key] for key in axes if key in extra)]
        for row in fitting:
            row.update(extra)
        if not fitting:
            rows.append(dict(extra))
    empty: dict[str, Any] = {}
    return rows or [empty]


def _rows(listed: Any) -> list[dict[str, Any]] | None:
    """The entries of `include` or `exclude`; None when only the run knows them."""
    if listed is None:
        return []
    if not isinstance(listed, list):
        return None
    return [{key: _value(one) for key, one in row.items()} for row in listed if isinstance(row, dict)]


def _value(given: Any) -> Any:
    return Written(given) if isinstance(given, str) and "${{" in given else given
