"""How engines call the programs of this checkout."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.gate.engines.base import Context

CHECKOUT = Path(__file__).resolve().parents[3]
LONGEST = 300.0  # seconds; a tool that takes longer hangs


@dataclass(frozen=True)
class Done:
    """A program that came to an end by itself."""

    status: int
    output: str
    errors: str


def call(
    program: str,
    arguments: list[str],
    context: Context,
    *,
    folder: Path | None = None,
    seconds: float = LONGEST,
) -> Done:
    """Run a program of the checkout. Raises EngineError when it is missing or takes too long."""
    path = next((one for one in _places(program) if one.exists()), None)
    if path is None:
        raise EngineError(f"{program} is missing in {CHECKOUT}: run `make install`")
    # The tools see neither the user's settings nor credentials: a verdict must not hang on them.
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    environment |= {"HOME": str(context.scratch), "AWS_DEFAULT_REGION": "eu-west-1"}
    command = [str(path), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder or context.scratch,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{program} took more than {seconds:.0f} s, and was ended") from error
    except OSError as error:
        raise EngineError(f"{program} can't be run: {error}") from error
    return Done(done.returncode, done.stdout, done.stderr.strip()[-2000:])


def _places(program: str) -> tuple[Path, Path]:
    return CHECKOUT / ".tools/policy/bin" / program, CHECKOUT / ".venv/bin" / program
