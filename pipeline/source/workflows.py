"""GitHub workflows and composite actions, with the line of everything in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.source.located import Document, Place, Step


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
    def events(self) -> dict[str, dict[str, Any]]:
        """The events under `on` and their filters."""
        found = self.data.get("on")
        if isinstance(found, str):
            return {found: {}}
        if isinstance(found, list):
            return {str(item): {} for item in found}
        if isinstance(found, dict):
            return {str(key): value if isinstance(value, dict) else {} for key, value in found.items()}
        return {}

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
