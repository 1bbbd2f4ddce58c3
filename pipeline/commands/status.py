"""`pipeline status`: what runs where; on one screen."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.text import as_json, one_line
from pipeline.release.status import Row, row
from pipeline.source import samconfig
from pipeline.source.environments import LAPTOP_ACCOUNT


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", nargs="*", help="tables of samconfig.toml (all but the laptop's)")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="ENV=NAME",
        help="the profile of AWS's configuration with credentials for an environment",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed")


def main(args: argparse.Namespace) -> int:
    """Show every environment; one whose account can't be asked is shown with the reason, and exit 2 says so."""
    every = samconfig.read_all(Path.cwd())
    names = args.environment or [one.name for one in every.values() if one.account != LAPTOP_ACCOUNT]
    profiles = _profiles(args.profile)
    rows = [row(samconfig.read(Path.cwd(), name), every, profiles.get(name)) for name in names]
    if args.format == "json":
        print(as_json({"schema": 1, "environments": [asdict(one) for one in rows]}))
    else:
        sys.stdout.write(_text(rows))
    return 0 if all(one.asked for one in rows) else 2


def _profiles(given: Sequence[str]) -> dict[str, str]:
    found = dict(one.partition("=")[::2] for one in given)
    if not all(found.values()):
        raise ConfigurationError("--profile takes ENV=NAME, such as prod=company-prod.")
    return found


def _text(rows: Sequence[Row]) -> str:
    lines = []
    for one in rows:
        lines.append(f"{one.environment}: {one_line(one.state)}")
        if one.commit == "-":
            lines += [f"  frozen   {one_line(one.frozen)}"] if one.frozen != "no" else []
            continue
        behind = "?" if one.behind is None else str(one.behind)
        lines += [
            f"  version  {one.version}",
            f"  commit   {one.commit}",
            f"  since    {one.age}",
            f"  behind   {behind} commit{'' if behind == '1' else 's'}",
            f"  soak     {one.soak}",
            f"  frozen   {one_line(one.frozen)}",
            *([f"  withdrawn {one_line(one.withdrawn)}"] if one.withdrawn != "no" else []),
            f"  drift    {one_line(one.drift)}",
            f"  address  {one_line(one.address)}",
        ]
    return "\n".join(lines) + "\n"
