"""The command line: parses, prints and exits. Everything else returns values."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

from pipeline.base import timings
from pipeline.base.errors import PipelineError
from pipeline.base.text import Shown

# The table of contents: each command, what it says of itself, and the module that defines its
# `arguments(parser)` and `main(args) -> exit status`. Modules are imported when their command runs.
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("judge this repository as a pull request is judged", "pipeline.commands.check"),
    "lint": ("the stage lint alone", "pipeline.commands.check"),
    "policy": ("the stage policy alone", "pipeline.commands.check"),
    "test": ("the stage test alone", "pipeline.commands.check"),
    "rules": ("list the rules of the gate", "pipeline.commands.rules"),
    "waivers": ("list what is waived, and what ends soon", "pipeline.commands.waivers"),
    "trust": ("show who can become whom: jobs, tokens, roles", "pipeline.commands.trust"),
    "plan": ("show what merging this commit would do in AWS", "pipeline.commands.plan"),
    "bootstrap": ("hold what deployments may make against the list", "pipeline.commands.bootstrap"),
    "bundle": ("build the bundle of this commit", "pipeline.delivery.bundle"),
    "environment": ("print an environment's settings, for a workflow", "pipeline.commands.environment"),
    "deploy": ("put a bundle on an environment", "pipeline.release.deploy"),
    "release": ("verify a release tag", "pipeline.source.tags"),
    "promote": ("copy the bundle that dev ran to the next environment", "pipeline.release.promote"),
    "rollback": ("put an earlier release back", "pipeline.release.rollback"),
    "withdraw": ("quarantine a bad release", "pipeline.release.withdrawal"),
    "freeze": ("stop deployments for a while, through git", "pipeline.release.freeze"),
    "drift": ("compare what runs with what git says", "pipeline.release.drift"),
    "passport": ("fetch or verify the passport of a release", "pipeline.commands.passport"),
    "ledger": ("open the ledger's pages, or verify its hash chain", "pipeline.commands.ledger"),
    "status": ("show what runs where", "pipeline.release.status"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 clean, 1 gate failed, 2 usage or configuration."""
    with redirect_stdout(Shown(sys.stdout)), redirect_stderr(Shown(sys.stderr)):
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    start = time.monotonic()
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _interrupt)  # a cancelled job clears up as after Ctrl-C
    args = _parse(words)
    try:
        status: int = args.main(args)
    except PipelineError as error:
        print(f"pipeline: {error}", file=sys.stderr)
        status = error.exit_code
    except OSError as error:  # what is read is told of where it is read; this is what can't be written
        print(f"pipeline: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        print(
            "  Is the disk full, or may this user not write there? Mend it, and run this again.",
            file=sys.stderr,
        )
        status = 2
    except KeyboardInterrupt:
        print("pipeline: interrupted", file=sys.stderr)
        status = 130
    finally:
        timings.record("pipeline", " ".join(words[:2]), start)
    return status


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pipeline", description="Esclusa's pipeline, on GitHub and here.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, (summary, module) in COMMANDS.items():
        child = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            defined = import_module(module)
            defined.arguments(child)
            run: Callable[[argparse.Namespace], int] = defined.main
            child.set_defaults(main=run)
    return parser.parse_args(words)


def repository() -> Path:
    """The judged repository: the current folder."""
    return Path.cwd()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
