"""`pipeline baseline`: the findings of mypy that code which came in may keep for now."""

import argparse
import difflib
import tempfile
from pathlib import Path

from pipeline.base.errors import GateError, ToolError
from pipeline.gate import baseline
from pipeline.gate.engines import mypy
from pipeline.gate.engines.base import Context, EngineError
from pipeline.gate.findings import Finding
from pipeline.source import settings
from pipeline.source.project import Project


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--write", action="store_true", help="take out what is gone, and lower the number")
    parser.add_argument(
        "--take-in",
        action="store_true",
        help=f"with --write: put in what is new, up to {settings.BASELINE} of {settings.FILE}",
    )


def main(args: argparse.Namespace) -> int:
    """Show what would change, or write it; exit 1 where the list is another than what mypy finds."""
    root = Path.cwd()
    project = Project.load(root)
    listed = baseline.kept(_found(project), project, more=args.take_in)
    allowed = project.settings.number(settings.BASELINE)
    if len(listed) > allowed:
        raise GateError(
            f"{settings.BASELINE} of {settings.FILE} is {allowed}; mypy finds {len(listed)} in the application's code.",
            "Mend what is new, or let security raise the number. Nothing was written.",
        )
    now = {file: project.text(file) for file in (baseline.FILE, settings.FILE)}
    then = {
        baseline.FILE: baseline.written(listed) if listed or now[baseline.FILE] else "",
        settings.FILE: baseline.lowered(now[settings.FILE], len(listed)),
    }
    if then == now:
        print(f"{baseline.FILE} is what mypy finds: {len(listed)} to mend")
        return 0
    for file, text in then.items():
        rows = difflib.unified_diff(now[file].splitlines(), text.splitlines(), file, file, n=0, lineterm="")
        print("".join(f"{row}\n" for row in rows), end="")
    if not args.write:
        print("Nothing was written. To write it: --write")
        return 1
    for file, text in then.items():
        (root / file).write_text(text, encoding="utf-8")
    print(f"{baseline.FILE} is written: {len(listed)} findings are left to mend.")
    return 0


def _found(project: Project) -> list[Finding]:
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch:
        try:
            return list(mypy.found(Context(project, Path(scratch))))
        except EngineError as error:
            raise ToolError(f"There is no verdict of mypy: {error}", "Run: make install") from error
