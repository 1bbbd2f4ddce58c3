"""How engines call the programs of this checkout."""

import os
from pathlib import Path

from pipeline import run
from pipeline.errors import ToolError
from pipeline.gate.engines.base import Context, EngineError
from pipeline.run import Completed

CHECKOUT = run.CHECKOUT
LONGEST = 300.0  # seconds; a tool that takes longer hangs


def call(
    program: str | Path,
    arguments: list[str],
    context: Context,
    *,
    folder: Path | None = None,
    seconds: float = LONGEST,
) -> Completed:
    """Run a program of the checkout, by its name or path. Raises EngineError when it is missing or takes
    too long."""
    # Neither the user's settings nor variables of a workflow (PYTEST_ADDOPTS, CKV_SKIP_CHECK, ...) reach the
    # tools: a verdict must not hang on them.
    kept = ("PATH", "LANG", "TMPDIR", "GIT_CEILING_DIRECTORIES")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"HOME": str(context.scratch), "AWS_DEFAULT_REGION": "eu-west-1"}
    try:
        return run.run(
            [program if isinstance(program, Path) else run.tool(program), *arguments],
            cwd=folder or context.scratch,
            env=environment,
            inherit=False,
            timeout=seconds,
            check=False,
        )
    except ToolError as error:
        raise EngineError(f"{Path(program).name}: {error.message} {error.hint}".strip()) from error
