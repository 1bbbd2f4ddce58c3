"""mypy, strict, on the Python code: all of it, or the application's alone where the engine is as it was (parts.py)."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.gate import baseline
from pipeline.gate.cache import folder as cache_folder
from pipeline.gate.engines.base import Context, Engine, EngineError, row
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding
from pipeline.gate.parts import is_application
from pipeline.source import settings
from pipeline.source.configuration import FILE

_UNREAD = '"code": "syntax"'


def run(context: Context) -> Iterator[Finding]:
    """What is to be mended: all but what code that came in may keep for now."""
    yield from baseline.apply(list(found(context)), context.project)


def found(context: Context) -> Iterator[Finding]:
    """All that mypy finds. Raises EngineError."""
    present = _asked(context)
    if not present:
        return
    arguments = ["--strict", "--output", "json", "--no-error-summary", "--namespace-packages"]
    # Fixtures of rules hold code that is wrong on purpose; an action's folder is called like the action, and its
    # script is no module.
    arguments += ["--exclude", r"^(policies/[^/]+/[^/]+/(good|bad)|sandbox/actions/)"]
    arguments += ["--explicit-package-bases", "--cache-dir", str(_cache(context))]
    if not context.scope.engine:
        # What they import is read for its types, and judged elsewhere.
        arguments += ["--follow-imports", "silent"]
    done = call("mypy", [*arguments, *present], context, folder=context.tree)
    unread = done.status == 2 and _UNREAD in done.stdout  # mypy judges nothing while a file can't be read
    if not unread and (done.status not in (0, 1) or (done.status == 1 and not done.stdout.strip())):
        raise EngineError(
            f"mypy ended with status {done.status}: {done.stderr[-2000:] or done.stdout[-500:]}"
        )
    for told in done.stdout.splitlines():
        try:
            match = json.loads(told)
        except json.JSONDecodeError as error:
            raise EngineError(f"mypy gave output that is not JSON: {told[:200]!r}") from error
        if match["severity"] == "error":
            yield _finding(context, match)


def _finding(context: Context, match: Mapping[str, Any]) -> Finding:
    file, line = str(match["file"]), max(1, int(match["line"]))
    unread = match["code"] == "syntax"
    return Finding(
        rule=f"mypy/{match['code']}",
        title="Python that can't be read" if unread else "Types that don't fit",
        severity="medium",
        tool="mypy",
        file=file,
        line=line,
        fact=row(context, file, line),
        message=str(match["message"]),
        remediation="Mend it: until then no type is judged, in no file."
        if unread
        else str(match.get("hint") or ""),
    )


def _asked(context: Context) -> list[str]:
    """What mypy is asked about: the folders of code, or the application's own files one by one."""
    project = context.project
    files = [file for file in project.files if file.endswith(".py")]
    if context.scope.engine:
        return [root for root in project.roots if any(file.startswith(f"{root}/") for file in files)]
    return [file for file in files if is_application(file, project.described.folders)]


def _scope(context: Context) -> str:
    kept = len(baseline.entries(context.project.text(baseline.FILE)))
    said = [] if context.scope.engine else ["the application's code alone"]
    return ", ".join([*said, *([f"but for {kept} findings of {baseline.FILE}"] if kept else [])])


def _cache(context: Context) -> Path:
    """Where mypy keeps what it knows: beside the verdicts, or nowhere for long where the user may not write there."""
    folder = cache_folder() / "mypy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return context.scratch / "mypy"


_LISTS = (baseline.FILE, settings.FILE, FILE)  # samconfig.toml says which code is the application's
ENGINE = Engine(
    name="mypy",
    packages=("mypy",),
    reads=lambda file: file.endswith((".py", ".pyi", "pyproject.toml")) or file in _LISTS,
    run=run,
    scope=_scope,
)
