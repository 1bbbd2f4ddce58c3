"""`pipeline check`, `lint`, `policy` and `test`: judge the repository in the current folder."""

import argparse
import sys
from pathlib import Path

from pipeline import cli
from pipeline.gate import output
from pipeline.gate.check import STAGES, judge


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the four commands share."""
    parser.add_argument("--format", choices=sorted(output.FORMATS), default="text", help="what is printed")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write the reports into this folder")
    parser.add_argument("--no-cache", action="store_true", help="judge everything anew")


def main(args: argparse.Namespace) -> int:
    """Run the stages of the command; the exit status is 0 clean, 1 gate failed, 2 not everything judged."""
    names = tuple(STAGES) if args.command == "check" else (args.command,)
    report = judge(cli.repository(), names, cached=not args.no_cache)
    sys.stdout.write(output.FORMATS[args.format](report))
    if args.output is not None:
        output.write(report, args.output)
    return report.status
