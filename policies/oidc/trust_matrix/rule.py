"""Cells of the trust matrix beyond the intended ones, and intended ones that the trust policies refuse."""

from collections import defaultdict
from collections.abc import Iterator

from pipeline.iam.matrix import Cell, cells
from pipeline.source.project import Project
from pipeline.source.runs import Run
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    strangers: dict[str, list[Cell]] = defaultdict(list)
    told: set[Violation] = set()  # by several refs or forms of the subject alike
    for cell in cells(project):
        entry, role = cell.entry, cell.role
        if cell.fault:
            yield at(role, f"the trust policy can't be evaluated: {cell.fault}", *_CONDITION, fact=cell.fault)
        elif cell.run is None:
            strangers[role.id + role.stack.environment.name].append(cell)
        elif entry.allowed and not entry.intended:
            workflow = cell.run.workflow
            place = ("on", cell.run.event) if workflow.document.has("on", cell.run.event) else ("on",)
            message = f"{entry.who} can become {entry.role} as {entry.subject}, which is not intended"
            yield Violation(
                message,
                workflow.file,
                workflow.line(*place),
                fact=f"{entry.who}: {entry.subject} as {entry.role}",
            )
        elif entry.intended and not entry.allowed and cell.elsewhere:
            if (violation := _elsewhere(cell, cell.run)) not in told:
                told.add(violation)
                yield violation
        elif entry.intended and not entry.allowed:
            yield at(
                role,
                f"{entry.who} can't become {entry.role}: {entry.subject} is refused",
                *_CONDITION,
                fact=f"{entry.who}: {entry.subject}",
            )
    for found in strangers.values():
        who = "; ".join(dict.fromkeys(cell.entry.who for cell in found))
        yield at(found[0].role, f"can be taken by {who}", *_CONDITION, fact=who)


def _elsewhere(cell: Cell, run: Run) -> Violation:
    """At the call, or at the job that should stand in a workflow that is called."""
    first = run.jobs[0]
    place = "uses" if first.uses else "environment"
    entry = cell.entry
    message = (
        f"{entry.who} can't become {entry.role}: it stands in {cell.elsewhere}, which the role doesn't let in"
    )
    fact = f"{entry.who}: {cell.elsewhere} as {entry.role}"
    return Violation(message, first.workflow.file, first.line(place), fact=fact)


_CONDITION = ("AssumeRolePolicyDocument", "Statement", 0, "Condition")
