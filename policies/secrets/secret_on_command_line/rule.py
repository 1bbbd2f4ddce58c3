"""Scripts of workflows and of the Makefile that fetch, print or pass secrets."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_FETCH = re.compile(
    r"secretsmanager\s+(batch-)?get-secret-value|ssm\s+get-parameters?(-by-path)?\b.*--with-decryption|kms\s+decrypt\b"
    r"|get_secret_value\(|--with-decryption|\bgh\s+auth\s+(token|status\b.*--show-token)"
)
_EXPRESSION = re.compile(r"\$\{\{[^}]*\bsecrets\.(?!GITHUB_TOKEN\b)[^}]*\}\}")
_NAME = r"[A-Za-z_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|PGPASS)[A-Za-z_]*"
_PRINT = re.compile(
    rf"\b(?:echo|printf|cat|tee|print|Write-Host|logger)\b[^|;&\n]*\$\{{?(?:env:)?({_NAME})", re.IGNORECASE
)
_ARGUMENT = re.compile(
    rf"(?:--?[a-z-]*(?:password|passwd|secret|token|api-key|credential)[a-z-]*[= ]+|-p\s*|-u\s+\S*:)"
    rf"[\"']?\$\{{?({_NAME})",
    re.IGNORECASE,
)
_DUMP = re.compile(
    r"(?:^|[;&|({`]|\b(?:then|do|else)\s)\s*(?:/usr/bin/)?(?:(?:printenv|env|set|export(?:\s+-p)?|(?:declare|typeset)(?:\s+-[px]+)?)"
    r"\s*(?:$|[|>;&)`}])|printenv\s+" + _NAME + r")|/proc/[^/\s]+/environ\b|\bos\.environ\b\s*\)"
)
_TRACE = re.compile(r"^\s*set\s+-[a-z]*x|\bbash\s+-[a-z]*x\b")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            for row in step.run.splitlines():
                if why := _why(row):
                    line = step.line_of(row.strip(), "run")
                    yield Violation(f"step {step.name!r} {why}", one.file, line, fact=f"{step.path}: {row}")
    for number, row in enumerate(project.text("Makefile").splitlines(), 1):
        if why := _why(row.strip().lstrip("@-")):
            yield Violation(f"the Makefile {why}", "Makefile", number, fact=row)


def _why(row: str) -> str:
    if _FETCH.search(row):
        return "fetches a secret into a shell"
    if _EXPRESSION.search(row):
        return "writes a secret into a script"
    if found := _PRINT.search(row):
        return f"prints {found[1]}"
    if found := _ARGUMENT.search(row):
        return f"passes {found[1]} on a command line"
    if _DUMP.search(row):
        return "prints the whole environment"
    return "prints every command with its values" if _TRACE.search(row) else ""
