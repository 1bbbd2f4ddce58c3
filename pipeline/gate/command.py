"""`pipeline check`, `lint`, `policy` and `test`: judge the repository in the current folder."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline import cli, summary
from pipeline.gate import output
from pipeline.gate.check import STAGES, judge
from pipeline.gate.verdict import Report


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the four commands share."""
    parser.add_argument("--format", choices=sorted(_FORMATS), default="text", help="what is printed")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write the reports into this folder")
    parser.add_argument("--no-cache", action="store_true", help="judge everything anew")


def main(args: argparse.Namespace) -> int:
    """Run the stages of the command; the exit status is 0 clean, 1 gate failed, 2 not everything judged."""
    names = tuple(STAGES) if args.command == "check" else (args.command,)
    report = judge(cli.repository(), names, cached=not args.no_cache).printable()
    sys.stdout.write(_FORMATS[args.format](report))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _tell_run(report)
    if args.output is not None:
        _write(report, args.output)
    return report.status


# The reports' modules are imported when they are asked for: a run without them need not wait for them.


def _as_sarif(report: Report) -> str:
    from pipeline.report import evidence, sarif

    return sarif.render(evidence.gather(report))


def _tell_run(report: Report) -> None:
    from pipeline.report import annotations, evidence, step_summary

    sys.stderr.write(annotations.render(report.findings))  # a runner reads both; --format may need stdout
    summary.add(step_summary.render(evidence.gather(report)))


def _write(report: Report, folder: Path) -> None:
    from pipeline.report import evidence, files

    files.write(evidence.gather(report), folder)


_FORMATS: dict[str, Callable[[Report], str]] = {
    "text": output.as_text,
    "json": output.as_json,
    "sarif": _as_sarif,
}
