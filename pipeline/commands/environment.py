"""`pipeline environment ENV`: what a workflow must know of an environment before it has credentials."""

import argparse
from pathlib import Path

from pipeline.base import summary
from pipeline.source import samconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")


def main(args: argparse.Namespace) -> int:
    """Print deploy role, region and account, and set them as the step's outputs `role`, `region` and `account`."""
    found = samconfig.read(Path.cwd(), args.environment)
    values = {"role": found.deploy_role, "region": found.region, "account": found.account}
    summary.output(values)
    for name, value in values.items():
        print(f"{name}={value}")
    return 0
