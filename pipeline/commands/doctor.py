"""`pipeline doctor`: what is still the example's, what is missing, how near limits are; with ENV: the account."""

import argparse
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.base.text import as_json, one_line
from pipeline.doctor import local, model, settings
from pipeline.doctor.model import Remark
from pipeline.source import samconfig

_MARKS = {model.OK: "ok", model.NOTE: "note", model.WRONG: "TO DO", model.UNKNOWN: "?"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument(
        "environment", nargs="?", help="look at this environment's account (else at the repository)"
    )
    parser.add_argument("--profile", help="the profile of AWS's configuration with credentials for it")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed")


def main(args: argparse.Namespace) -> int:
    """Print what was seen; exit 0 with nothing to do, 1 with something, 2 where something couldn't be looked at."""
    remarks = list(_look(args))
    print(as_json(model.as_json(remarks)) if args.format == "json" else _text(remarks))
    return model.status(remarks)


def _look(args: argparse.Namespace) -> Iterator[Remark]:
    root = Path.cwd()
    if args.environment is None:
        return itertools.chain(local.look(root), settings.look(root))
    from pipeline.doctor import account  # the AWS SDK takes its time to load

    return account.look(
        account.session(args.profile, samconfig.read(root, args.environment)), args.environment, root
    )


def _text(remarks: Iterable[Remark]) -> str:
    """A row a remark, by group, with what to do about it below."""
    rows: list[str] = []
    group = ""
    for one in remarks:
        if one.group != group:
            rows += [*([""] if rows else []), one.group]
            group = one.group
        share = f" ({one.share} %)" if one.share is not None else ""
        rows.append(f"  {_MARKS[one.state]:<6} {one_line(one.what)}: {one_line(one.told)}{share}")
        if one.resolve and one.state != model.OK:
            rows.append(f"         {one_line(one.resolve)}")
    return "\n".join(rows)
