"""ruff on the Python code: style, likely bugs and its security rules; then the format."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.gate.engines.base import Context, Engine, EngineError, parsed
from pipeline.gate.engines.programs import call
from pipeline.model import Finding


def run(context: Context) -> Iterator[Finding]:
    done = call("ruff", ["check", "--no-cache", "--output-format", "json", "."], context, folder=context.tree)
    if done.status not in (0, 1):
        raise EngineError(f"ruff check ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("ruff", done.stdout):
        code = str(match["code"] or "syntax")
        yield Finding(
            rule=f"ruff/{code}",
            title=str(match.get("name") or code),
            severity="high" if code.startswith("S") else "low",
            tool="ruff",
            file=_relative(context, match["filename"]),
            line=int(match["location"]["row"]),
            message=str(match["message"]),
            remediation=f"See {match['url']}" if match.get("url") else "",
        )
    arguments = ["format", "--no-cache", "--check", "--output-format", "json", "."]
    done = call("ruff", arguments, context, folder=context.tree)
    if done.status not in (0, 1):
        raise EngineError(f"ruff format ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("ruff", done.stdout):
        yield Finding(
            rule="ruff/format",
            title="Code in another format",
            severity="low",
            tool="ruff",
            file=_relative(context, match["filename"]),
            line=int(match["location"]["row"]),
            message="the file is not in the project's format",
            remediation="Run `make format`.",
        )


def _relative(context: Context, name: str) -> str:
    path = Path(name)
    return path.relative_to(context.tree).as_posix() if path.is_absolute() else path.as_posix()


ENGINE = Engine(
    name="ruff",
    packages=("ruff",),
    reads=lambda file: file.endswith((".py", ".pyi", "ruff.toml", "pyproject.toml")),
    run=run,
)
