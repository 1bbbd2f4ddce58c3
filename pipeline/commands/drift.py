"""`pipeline drift ENV`: compare what runs with what git says."""

import argparse
from pathlib import Path

from pipeline.base import summary
from pipeline.base.markdown import escape
from pipeline.base.text import as_json
from pipeline.delivery import aws, stack
from pipeline.evidence import pending
from pipeline.release import drift
from pipeline.release.drift import Drift
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed")
    parser.add_argument(
        "--issue", action="store_true", help="keep one issue with what was found; close it when nothing is"
    )


def main(args: argparse.Namespace) -> int:
    """Compare; exit 0 without drift, 1 with, and where what serves wasn't told of. What can't be told is no drift."""
    environment = samconfig.read(Path.cwd(), args.environment)
    session = aws.session(environment)
    aws.check_account(session, environment)
    live = stack.settled(session, environment.stack_name)
    found = drift.find(session, environment, live)
    text = _markdown(environment, found)
    summary.add(text)
    differences = [one for one in found if one.differs]
    missing = [one for one in found if one.missing]
    untold = len(found) - len(differences) - len(missing)
    if args.format == "json":
        data = {"schema": 1, "environment": environment.name, **drift.rows(found)}
        print(as_json(data))
    else:
        for one in found:
            print(f"{one.kind:<10}{one.text}")
        count = f"{len(differences) or 'no'} difference{'' if len(differences) == 1 else 's'}"
        more = [*([f"{untold} can not be told"] if untold else []), *([pending.STATE] if missing else [])]
        print(f"{environment.name}: {', '.join([count, *more])}")
    drift.record(session, environment, live, found)
    if args.issue and (told := drift.keep_issue(environment, found, text)):
        print(told)
    return 1 if differences or missing else 0


def _markdown(environment: Environment, found: list[Drift]) -> str:
    if not found:
        return f"### Drift of {escape(environment.name)}\n\nNone: what runs is what git says."
    rows = [(one.kind, one.what, one.expected, one.actual) for one in found]
    table = summary.table(("kind", "what", "expected", "actual"), rows)
    note = (
        ""
        if all(one.differs for one in found)
        else "\n\nWhat is `untold` AWS didn't show, and what is missing as `evidence` the next run makes: neither is a"
        " difference."
    )
    return f"### Drift of {escape(environment.name)}\n\n{table}{note}"
