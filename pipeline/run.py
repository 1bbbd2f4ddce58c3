"""The one function that runs other programs, and where those programs are."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import timings
from pipeline.errors import ToolError

CHECKOUT = Path(__file__).resolve().parent.parent
_ENVIRONMENTS = (".venv/bin", ".tools/policy/bin", ".tools/sam/bin", ".tools/sandbox/bin", ".tools/uv/bin")
_LAST = 12  # lines of a failed program's output that its error repeats


@dataclass(frozen=True)
class Completed:
    """A program that ended: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str


def tool(name: str) -> Path:
    """The path of a locked program, in one of this checkout's environments. Raises ToolError.

    uv may also be on the path, where a workflow's set-up puts it: pyproject.toml holds it to one version.
    """
    for folder in _ENVIRONMENTS:
        path = CHECKOUT / folder / name
        if path.exists():
            return path
    if name == "uv" and (found := shutil.which("uv")):
        return Path(found)
    raise ToolError(f"{name} is not installed in {CHECKOUT}.", f"Run: make -C {CHECKOUT} install")


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
    timeout: float = 600.0,
    check: bool = True,
    secrets: Sequence[str] = (),
) -> Completed:
    """Run a program without a shell and return what it wrote.

    `env` is added to this process's environment, or replaces it where `inherit` is false; `timeout` is in
    seconds. Raises ToolError when the program is missing or takes too long, and with `check` also when its
    exit status isn't 0. `secrets` are masked in the error.
    """
    words = [str(word) for word in argv]
    shown = _masked(" ".join(words), secrets)
    if shutil.which(words[0]) is None:
        raise ToolError(f"{words[0]} is not on this machine.", "Install it, or run: make install")
    start = time.monotonic()
    try:
        ended = subprocess.run(
            words,
            cwd=cwd,
            env={**(os.environ if inherit else {}), **(env or {})},
            capture_output=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"`{shown}` did not end within {timeout:.0f} seconds.", "Run it by hand to see where it hangs."
        ) from error
    except OSError as error:
        raise ToolError(f"`{shown}` could not be started: {error}.", "Run: make install") from error
    finally:
        timings.record("program", Path(words[0]).name, start)
    if check and ended.returncode != 0:
        output = _masked(_text(ended.stderr).strip() or _text(ended.stdout).strip(), secrets)
        last = "\n".join(f"  | {line}" for line in output.splitlines()[-_LAST:])
        raise ToolError(f"`{shown}` ended with status {ended.returncode}.\n{last}".rstrip())
    return Completed(ended.returncode, _text(ended.stdout), _text(ended.stderr))


def _text(written: bytes) -> str:
    """What a program wrote, whatever the locale: no line end is translated, what isn't UTF-8 becomes U+FFFD."""
    return written.decode("utf-8", errors="replace")


def _masked(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
