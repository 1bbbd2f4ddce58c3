"""ruff on the Python code: style, likely bugs and its security rules; then the format."""

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.gate.engines.base import Context, Engine, EngineError, parsed, row
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding

_SECURITY = re.compile(r"S\d+")  # flake8-bandit's; SIM, SLF and SLOT are on style
_SYNTAX = "invalid-syntax"  # told once, by `ruff check`; `ruff format` then ends with status 2


def run(context: Context) -> Iterator[Finding]:
    done = call("ruff", ["check", "--no-cache", "--output-format", "json", "."], context, folder=context.tree)
    if done.status not in (0, 1):
        raise EngineError(f"ruff check ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("ruff", done.stdout):
        code, file = str(match["code"]), _relative(context, match["filename"])
        line = int(match["location"]["row"])
        yield Finding(
            rule=f"ruff/{code}",
            title=str(match.get("name") or code),
            severity="high" if _SECURITY.fullmatch(code) or code == _SYNTAX else "low",
            tool="ruff",
            file=file,
            line=line,
            fact=row(context, file, line),
            message=str(match["message"]),
            remediation=f"See {match['url']}" if match.get("url") else "",
        )
    arguments = ["format", "--no-cache", "--check", "--output-format", "json", "."]
    done = call("ruff", arguments, context, folder=context.tree)
    matches = parsed("ruff", done.stdout) if done.stdout else []
    unformatted = [match for match in matches if match["code"] != _SYNTAX]
    if done.status not in (0, 1) and len(unformatted) == len(matches):
        raise EngineError(f"ruff format ended with status {done.status}: {done.stderr[-2000:]}")
    for match in unformatted:
        yield Finding(
            rule="ruff/format",
            title="Code in another format",
            severity="low",
            tool="ruff",
            file=_relative(context, match["filename"]),
            line=int(match["location"]["row"]),
            fact="format",
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
