"""`pipeline check`, `lint`, `policy` and `test`: judge the repository in the current folder."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base import summary
from pipeline.base.errors import ConfigurationError
from pipeline.base.text import unfiltered
from pipeline.gate import loosening, output, parts
from pipeline.gate.check import judge
from pipeline.gate.verdict import Report
from pipeline.source.settings import Loosened
from pipeline.source.stages import STAGES

if TYPE_CHECKING:
    from pipeline.report.evidence import Evidence

_MAIN = object()  # `--base` without a value


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the four commands share."""
    parser.add_argument("--format", choices=sorted(_FORMATS), default="text", help="what is printed")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write the reports into this folder")
    parser.add_argument("--no-cache", action="store_true", help="judge everything anew")
    parser.add_argument(
        "--base",
        metavar="REF",
        nargs="?",
        const=_MAIN,
        help="leave the engine's tests and types out where nothing of the engine changed since REF, or else since "
        "main; all else is judged whole",
    )


def main(args: argparse.Namespace) -> int:
    """Run the stages of the command; the exit status is 0 clean, 1 gate failed, 2 not everything judged."""
    names = STAGES if args.command == "check" else (args.command,)
    root = Path.cwd()
    base = parts.main(root) if args.base is _MAIN else args.base
    scope = parts.scope(root, base) if {"lint", "test"} & set(names) else parts.WHOLE
    judged = judge(root, names, cached=not args.no_cache, scope=scope)
    report = dataclasses.replace(judged, loosened=_loosened(judged, base)).printable()
    evidence = cache(lambda: _gather(report))
    sys.stdout.write(_FORMATS[args.format](report, evidence))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _tell_run(evidence())
    if args.output is not None:
        _write(evidence(), args.output)
    return report.status


def _loosened(report: Report, base: str | None) -> tuple[Loosened, ...] | None:
    """Judging all needs no base, so that one which isn't here is none to compare with; the report says so."""
    try:
        return loosening.against(report.project, base)
    except ConfigurationError:
        return None


# The reports' modules are imported when they are asked for: a run without them need not wait for them.


def _gather(report: Report) -> "Evidence":
    from pipeline.report.evidence import gather

    return gather(report)


def _as_sarif(_: Report, evidence: Callable[[], "Evidence"]) -> str:
    from pipeline.report import sarif

    return sarif.render(evidence())


def _tell_run(evidence: "Evidence") -> None:
    from pipeline.report import annotations, step_summary

    unfiltered(sys.stderr).write(
        annotations.render(evidence.open, evidence.report.silent)
    )  # a runner reads both; --format may need stdout
    summary.add(step_summary.render(evidence))


def _write(evidence: "Evidence", folder: Path) -> None:
    from pipeline.report import files

    files.write(evidence, folder)


_FORMATS: dict[str, Callable[[Report, Callable[[], "Evidence"]], str]] = {
    "text": lambda report, _: output.as_text(report),
    "json": lambda report, _: output.as_json(report),
    "sarif": _as_sarif,
}
