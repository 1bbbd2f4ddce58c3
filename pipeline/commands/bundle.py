"""`pipeline bundle`: build the bundle of this commit."""

import argparse
from pathlib import Path

from pipeline.base import summary
from pipeline.delivery.bundle import build


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("--output", type=Path, default=Path("build/bundle"), help="folder (build/bundle)")


def main(args: argparse.Namespace) -> int:
    """Build, print the digest, and set it as the step's output `digest`."""
    bundle = build(Path.cwd(), args.output)
    summary.output({"digest": bundle.digest})
    rows = [(name, digest, f"{bundle.path(name).stat().st_size:,}") for name, digest in bundle.files.items()]
    summary.add(f"### Bundle `{bundle.digest}`\n\n" + summary.table(("file", "SHA-256", "bytes"), rows))
    for name, digest, size in rows:
        print(f"{digest}  {name}  {size} bytes")
    print(f"bundle {bundle.digest} of commit {bundle.commit} in {args.output}")
    return 0
