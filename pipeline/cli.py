"""The command line: parses, prints and exits. Everything else returns values, or logs what it does."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from types import ModuleType

from pipeline.base import timings
from pipeline.base.errors import ConfigurationError, PipelineError
from pipeline.base.text import Shown
from pipeline.source.stages import STAGES

# The table of contents: each command, and what it says of itself.
COMMANDS: dict[str, str] = {
    "init": "write your own names where the example's stand",
    "doctor": "look for what is still the example's, missing, or near a limit; with ENV at its account",
    "routes": "hold the application's routes against the template's, or write them",
    "upgrade": "take a later engine, and leave the team's files as they are",
    "check": "judge this repository as a pull request is judged",
    "lint": "the stage lint alone",
    "policy": "the stage policy alone",
    "test": "the stage test alone",
    "rules": "list the rules of the gate, or explain one",
    "baseline": "list what mypy finds in code that came in, or write the shorter list",
    "waivers": "list what is waived, and what ends soon",
    "trust": "show who can become whom: jobs, tokens, roles",
    "plan": "show what merging this commit would do in AWS",
    "bootstrap": "hold what deployments may make against the list",
    "bundle": "build the bundle of this commit",
    "github": "set GitHub up as .github says, or compare",
    "environment": "print an environment's settings, for a workflow",
    "deploy": "put a bundle on an environment",
    "release": "verify a release tag",
    "promote": "copy the bundle that dev ran to the next environment, if it is that one",
    "rollback": "put an earlier release back",
    "withdraw": "quarantine a bad release",
    "freeze": "stop deployments for a while, through git",
    "drift": "compare what runs with what git says",
    "passport": "fetch or verify the passport of a release",
    "ledger": "open the ledger's pages, or verify its hash chain",
    "status": "show what runs where",
}


def module(command: str) -> ModuleType:
    """The module of a command, in pipeline.commands: its `arguments(parser)`, and `main(args)`, the exit status.

    Imported when it is asked for, so that a command waits for its own imports alone.
    """
    return import_module(f"pipeline.commands.{'check' if command in STAGES else command}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 clean, 1 gate failed, 2 usage or configuration."""
    with redirect_stdout(Shown(sys.stdout)), redirect_stderr(Shown(sys.stderr)):
        narrate()
        return _run(argv)


class _Narration(logging.Handler):
    """What the modules log is what a person reads while a command runs: on standard output, as it is."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), flush=True)


def narrate() -> None:
    """Show what this package logs, from now on."""
    log = logging.getLogger("pipeline")
    log.setLevel(logging.INFO)
    log.propagate = False
    if not log.handlers:
        log.addHandler(_Narration())


def _run(argv: Sequence[str] | None) -> int:
    start = time.monotonic()
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _interrupt)  # a cancelled job clears up as after Ctrl-C
    args = _parse(words)
    try:
        if args.folder:
            _enter(args.folder)
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
    parser.add_argument(
        "-C", dest="folder", metavar="FOLDER", help="work on the repository in FOLDER, not in this one"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    rest = words[2:] if words[:1] == ["-C"] else words
    chosen = next((word for word in rest if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        child = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            defined = module(name)
            defined.arguments(child)
            run: Callable[[argparse.Namespace], int] = defined.main
            child.set_defaults(main=run)
    return parser.parse_args(words)


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise ConfigurationError(
            f"-C: {folder} can't be entered: {error.strerror}.", "Name the top folder of a repository."
        ) from error


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
