"""`pipeline trust`: who can become whom."""

import argparse
import dataclasses
from pathlib import Path

from pipeline.base import text
from pipeline.base.errors import ConfigurationError
from pipeline.iam.matrix import Cell, cells
from pipeline.source.project import Project

SCHEMA = 1
_FORMS = 2  # of a subject: with the ids of owner and repository, and without


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("--format", choices=["text", "json"], default="text", help="what is printed")


def main(args: argparse.Namespace) -> int:
    """Print the matrix; the exit status is 0 when every cell is as intended, else 1."""
    found = judged(Path.cwd())
    if args.format == "json":
        print(as_json(found))
    else:
        _print(found)
    return 1 if any(cell.entry.wrong or cell.fault for cell in found) else 0


def judged(root: Path) -> tuple[Cell, ...]:
    """The matrix of the repository in `root`. Raises ConfigurationError where something can't be read."""
    project = Project.load(root)
    if project.problems:
        first = project.problems[0]
        raise ConfigurationError(
            f"{first.file}:{first.line}: {first.message}", "Mend it: who is trusted can't be told before."
        )
    return cells(project)


def as_json(found: tuple[Cell, ...]) -> str:
    """The matrix as JSON: {"schema": 1, "entries": [{who, subject, role, allowed, intended, wrong, fault}]}."""
    rows = [
        dataclasses.asdict(cell.entry) | {"wrong": cell.entry.wrong, "fault": cell.fault or None}
        for cell in found
    ]
    return text.as_json({"schema": SCHEMA, "entries": rows})


def _print(found: tuple[Cell, ...]) -> None:
    """A line for each job and its token: what it can become. The forms of a subject share one, if they fare alike."""
    tokens: dict[tuple[str, str], list[Cell]] = {}
    for cell in found:
        tokens.setdefault((cell.entry.who, cell.entry.subject), []).append(cell)
    lines: dict[tuple[str, str, str], list[str]] = {}
    for (who, subject), judged_as in tokens.items():
        becomes = ", ".join(filter(None, map(_said, judged_as))) or "nothing"
        lines.setdefault((who, subject.split(":", 2)[-1], becomes), []).append(subject)
    wide = [max((len(line[column]) for line in lines), default=0) for column in (0, 1)]
    for (who, context, becomes), subjects in lines.items():
        only = "" if len(subjects) == _FORMS else f"  (as {', '.join(subjects)})"
        print(text.for_log(f"{who:<{wide[0]}}  {context:<{wide[1]}}  can become {becomes}{only}"))
    for (_, context, _), subjects in lines.items():
        if len(subjects) == _FORMS:
            forms = " and ".join(f"{subject.removesuffix(context)}..." for subject in subjects)
            print(f"Each in both forms of the subject: {forms}")
            break
    wrong = sum(1 for cell in found if cell.entry.wrong or cell.fault)
    print(f"{len(found)} cells, {wrong} not as intended")


def _said(cell: Cell) -> str:
    """The role, if the token can become it, or should; what is wrong about that in capitals."""
    entry = cell.entry
    if cell.fault:
        return f"{entry.role} (CAN'T BE TOLD: {text.one_line(cell.fault)})"
    if entry.wrong:
        return f"{entry.role} ({'NOT INTENDED' if entry.allowed else 'INTENDED, BUT REFUSED'})"
    return entry.role if entry.allowed else ""
