"""`pipeline plan --base REF`: what merging this commit would do in AWS; needs no credential."""

import argparse
import dataclasses
import sys
from pathlib import Path

from pipeline.base import github, summary
from pipeline.base.text import as_json
from pipeline.plan import history, markdown
from pipeline.plan.making import make


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument(
        "--base", required=True, metavar="REF", help="what the change is merged into, such as main"
    )
    parser.add_argument("--format", choices=("markdown", "json"), default="markdown", help="what is printed")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the JSON into this file")
    parser.add_argument(
        "--comment", action="store_true", help="keep the plan as one comment on the pull request of this run"
    )


def main(args: argparse.Namespace) -> int:
    """Print the plan; exit 0 whatever it says: the gate judges, a plan informs."""
    made = make(Path.cwd(), args.base)
    plan = dataclasses.replace(made, deployed=history.last(one.environment for one in made.effects))
    text = markdown.render(plan, github.head())
    summary.add(text)
    data = as_json(plan.as_json(), sort_keys=True) + "\n"
    sys.stdout.write(data if args.format == "json" else text)
    if args.output is not None:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(data, encoding="utf-8")
    if args.comment:
        github.comment_once(markdown.MARK, text)
    return 0
