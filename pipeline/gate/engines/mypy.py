"""mypy, strict, on the Python code."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.gate.cache import folder as cache_folder
from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding


def run(context: Context) -> Iterator[Finding]:
    present = [
        root
        for root in context.project.roots
        if any(f.startswith(f"{root}/") and f.endswith(".py") for f in context.project.files)
    ]
    if not present:
        return
    arguments = ["--strict", "--output", "json", "--no-error-summary", "--namespace-packages"]
    # Fixtures of rules hold code that is wrong on purpose; an action's folder is called like the action, and its
    # script is no module.
    arguments += ["--exclude", r"^(policies/[^/]+/[^/]+/(good|bad)|sandbox/actions/)"]
    arguments += ["--explicit-package-bases", "--cache-dir", str(_cache(context))]
    done = call("mypy", [*arguments, *present], context, folder=context.tree)
    if done.status not in (0, 1) or (done.status == 1 and not done.stdout.strip()):
        raise EngineError(
            f"mypy ended with status {done.status}: {done.stderr[-2000:] or done.stdout[-500:]}"
        )
    for row in done.stdout.splitlines():
        try:
            match = json.loads(row)
        except json.JSONDecodeError as error:
            raise EngineError(f"mypy gave output that is not JSON: {row[:200]!r}") from error
        if match["severity"] == "error":
            yield Finding(
                rule=f"mypy/{match['code']}",
                title="Types that don't fit",
                severity="medium",
                tool="mypy",
                file=str(match["file"]),
                line=max(1, int(match["line"])),
                message=str(match["message"]),
                remediation=str(match.get("hint") or ""),
            )


def _cache(context: Context) -> Path:
    """Where mypy keeps what it knows: beside the verdicts, or nowhere for long where the user may not write there."""
    folder = cache_folder() / "mypy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return context.scratch / "mypy"


ENGINE = Engine(
    name="mypy",
    packages=("mypy",),
    reads=lambda file: file.endswith((".py", ".pyi", "pyproject.toml")),
    run=run,
)
