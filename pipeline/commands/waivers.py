"""`pipeline waivers`: what is waived, by whom, until when; and what ends soon or doesn't hold."""

import argparse
import datetime as dt
from pathlib import Path

from pipeline.base.text import as_json, for_log, one_line
from pipeline.gate import waivers
from pipeline.gate.findings import Finding
from pipeline.source.project import Problem, Project


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--format", choices=["text", "json"], default="text", help="what is printed")
    parser.add_argument(
        "--expiring", action="store_true", help=f"only those that end within {waivers.SOON} days"
    )


def main(args: argparse.Namespace) -> int:
    """List the waivers; the exit status is 1 when one of them doesn't hold, 2 when the file can't be read."""
    today = dt.datetime.now(dt.UTC).date()
    project = Project.load(Path.cwd())
    unreadable = [problem for problem in project.problems if problem.file == waivers.FILE]
    if unreadable:
        print(_located(unreadable[0]))
        return 2
    document = project.document(waivers.FILE)
    valid, faults = waivers.read(document, today) if document is not None else ([], [])
    shown = [one for one in valid if not args.expiring or one.days(today) <= waivers.SOON]
    shown.sort(key=lambda one: (one.expires, one.id))
    print(_as_json(shown, today) if args.format == "json" else _as_text(shown, today))
    for fault in faults:
        print(_located(fault))
    return 1 if faults else 0


def _located(what: Problem | Finding) -> str:
    return for_log(one_line(f"{what.file}:{what.line}: {what.message}"))


def _as_text(shown: list[waivers.Waiver], today: dt.date) -> str:
    rows = []
    for one in shown:
        days = one.days(today)
        soon = f", in {days} days" if days <= waivers.SOON else ""
        where = f" in {one.environment}" if one.environment else ""
        rows += [
            for_log(one_line(f"{one.rule} on {one.resource}{where} ({one.fact}): until {one.expires}{soon}")),
            f"    {for_log(one_line(one.reason))}",
            f"    {for_log(one_line(f'owner {one.owner}, approved by {one.approver}, {one.ticket}'))}",
        ]
    ending = sum(one.days(today) <= waivers.SOON for one in shown)
    count = f"{len(shown)} waiver{'' if len(shown) == 1 else 's'}"
    return "\n".join([*rows, f"{count}, {ending} end{'s' if ending == 1 else ''} within {waivers.SOON} days"])


def _as_json(shown: list[waivers.Waiver], today: dt.date) -> str:
    entries = [
        {
            "id": one.id,
            "rule": one.rule,
            "resource": one.resource,
            "fact": one.fact,
            "environment": one.environment,
            "reason": one.reason,
            "owner": one.owner,
            "approver": one.approver,
            "ticket": one.ticket,
            "expires": one.expires.isoformat(),
            "days": one.days(today),
        }
        for one in shown
    ]
    return as_json({"schema": 1, "waivers": entries})
