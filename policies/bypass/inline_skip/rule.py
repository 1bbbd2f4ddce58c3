"""Comments and metadata that make a tool of the gate skip something; `noqa` without codes or reason."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.violations import Violation, at_template

_SKIPS = re.compile(
    r"(?P<what>(checkov|bridgecrew|cfn[-_]nag|tfsec|trivy|kics-scan|terrascan)\s*:\s*(skip|ignore|suppress|disable)"
    r"|zizmor\s*:\s*ignore|gitleaks\s*:\s*allow|pragma\s*:\s*(allowlist|whitelist)\s+secret|nosemgrep\b"
    r"|#\s*nosec\b|detect-secrets|secretlint-disable|cfn-lint\s*:\s*(disable|ignore)|actionlint\s*:\s*ignore"
    r"|rules_to_suppress|shellcheck\s+disable|pylint\s*:\s*disable|#\s*(ruff|flake8)\s*:\s*noqa"
    r"|#\s*mypy\s*:\s*ignore-errors|#\s*type\s*:\s*ignore(?!\[)|#\s*pyright\s*:\s*ignore)",
    re.IGNORECASE,
)
# One of these words is in every such comment. To look for them first is ten times as quick.
_WORDS = ("skip", "ignore", "suppress", "disable", "allow", "whitelist", "secret", "nose", "noqa")
_NOQA = re.compile(r"#\s*noqa(?P<rest>.*)", re.IGNORECASE)
_CODES = re.compile(r":\s*(?P<codes>[A-Z]+[0-9]+(\s*,\s*[A-Z]+[0-9]+)*)(?P<reason>.*)")
_TOOLS = ("checkov", "cfn-lint", "cfn_nag", "cfn-nag", "guard", "bridgecrew")
_TEXTS = (".py", ".yml", ".yaml", ".json", ".toml", ".cfg", ".ini", ".sh", "Makefile", ".template")
# The gate's own words for skips, fixtures and seeds of faults, and other people's instructions.
_APART = re.compile(
    r"(policies/(bypass/|[^/]+/[^/]+/(good|bad))|pipeline/(gate|report)/|tests/(policies|pipeline)/|docs/|uv\.lock$)"
)


def check(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if not file.endswith(_TEXTS):
            continue
        ships = project.ships(file)
        for number, row in enumerate(project.text(file).splitlines(), 1):
            small = row.lower()
            if any(word in small for word in _WORDS) and (why := _why(file, row, ships)):
                yield Violation(why, file, number)
    for stack in project.stacks:
        for place, metadata in _metadata(stack):
            for key in metadata if isinstance(metadata, dict) else ():
                if key.lower() in _TOOLS:
                    yield at_template(stack, f"metadata makes {key} look away", *place, key)


def _metadata(stack: Stack) -> Iterator[tuple[Place, Any]]:
    yield ("Metadata",), stack.source.get("Metadata")
    for name, body in stack.source["Resources"].items():
        yield ("Resources", name, "Metadata"), body.get("Metadata")


def _why(file: str, row: str, ships: bool) -> str:
    if not _APART.match(file) and (found := _SKIPS.search(row)):
        return f"`{found['what']}` makes a tool look away"
    if not file.endswith(".py") or not (noqa := _NOQA.search(row)):
        return ""
    if _APART.match(file) and "noqa" in row.replace("# noqa", "", 1):
        return ""
    codes = _CODES.match(noqa["rest"])
    if codes is None:
        return "`noqa` without a code switches every rule off" if not _APART.match(file) else ""
    security = any(re.fullmatch(r"S\d+", code.strip()) for code in codes["codes"].split(","))
    if security and ships and len(codes["reason"].strip(" -#:")) < 8:
        return f"{codes['codes']} is switched off without a reason"
    return ""
