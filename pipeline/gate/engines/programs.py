"""How engines call the programs of this checkout."""

import os
from pathlib import Path

from pipeline.base import run
from pipeline.base.errors import ToolError
from pipeline.base.run import Completed
from pipeline.base.surroundings import bare
from pipeline.gate.engines.base import Context, EngineError

CHECKOUT = run.CHECKOUT


def call(
    program: str | Path, arguments: list[str], context: Context, *, folder: Path | None = None
) -> Completed:
    """Run a program of the checkout, by its name or path. Raises EngineError when it is missing, or stood still
    and was ended."""
    # Not the user's own settings either, which lie in HOME.
    environment = bare(os.environ) | {"HOME": str(context.scratch)}
    if region := next((one.region for one in context.project.environments if one.region), ""):
        environment["AWS_DEFAULT_REGION"] = region
    try:
        return run.run(
            [program if isinstance(program, Path) else run.tool(program), *arguments],
            cwd=folder or context.scratch,
            env=environment,
            inherit=False,
            check=False,
        )
    except ToolError as error:
        raise EngineError(f"{Path(program).name}: {error.message} {error.hint}".strip()) from error
