"""`pipeline trust`: who can become whom."""

import argparse
import dataclasses
import json
from pathlib import Path

from pipeline import cli
from pipeline.errors import ConfigurationError
from pipeline.gate.project import Project
from pipeline.report.trust import Entry
from pipeline.trust.matrix import Cell, cells

SCHEMA = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("--format", choices=["text", "json"], default="text", help="what is printed")


def main(args: argparse.Namespace) -> int:
    """Print the matrix; the exit status is 0 when every cell is as intended, else 1."""
    found = judged(cli.repository())
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
    return json.dumps({"schema": SCHEMA, "entries": rows}, indent=2)


def _print(found: tuple[Cell, ...]) -> None:
    """A block for each job and subject: what it can become, then what it can't."""
    blocks: dict[tuple[str, str], dict[str, str]] = {}
    for cell in found:
        entry = cell.entry
        blocks.setdefault((entry.who, entry.subject), {})[entry.role] = cell.fault or _word(entry)
    for (who, subject), verdicts in blocks.items():
        print(f"{who}\n  {subject}")
        for role, verdict in verdicts.items():
            print(f"    {role:<40} {verdict}")
    wrong = sum(1 for cell in found if cell.entry.wrong or cell.fault)
    print(f"{len(found)} cells, {wrong} not as intended")


def _word(entry: Entry) -> str:
    if entry.wrong:
        return "YES, NOT INTENDED" if entry.allowed else "NO, BUT INTENDED"
    return "yes" if entry.allowed else "no"
