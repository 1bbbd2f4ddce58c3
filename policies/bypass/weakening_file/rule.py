"""Settings files of the gate's tools, and of those that would take the place of pyproject.toml."""

import re
from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation

_NAMES = re.compile(
    r"(^|/)(\.checkov\.ya?ml|\.checkov\.baseline|\.cfnlintrc(\.ya?ml)?|\.gitleaks\.toml|gitleaks\.toml|\.gitleaksignore"
    r"|\.?zizmor\.ya?ml|actionlint\.ya?ml|\.?ruff\.toml|\.?mypy\.ini|\.bandit|bandit\.ya?ml|\.secrets\.baseline"
    r"|\.semgrepignore|\.trivyignore|\.tfsec|\.cfn_nag\.yml|pytest\.ini|\.?pytest\.toml|tox\.ini|setup\.cfg|\.flake8|\.pylintrc"
    r"|\.coveragerc|^conftest\.py|\.shellcheckrc|\.yamllint(\.ya?ml)?|\.ignore"
    r"|(site|user)customize\.py|[^/]+\.pth)$"
)
_HIDING = re.compile(r"linguist-(generated|vendored)(?!=false)|(?<=\s)-diff\b|(?<=\s)binary\b")
_FIXTURES = re.compile(r"policies/[^/]+/[^/]+/(good|bad)|pipeline/gate/engines/settings/")


def check(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if _NAMES.search(file) and not _FIXTURES.match(file):
            yield Violation(f"{file} changes what a tool of the gate sees", file, 1)
        if file.rpartition("/")[2] == ".gitattributes":
            for number, row in enumerate(project.text(file).splitlines(), 1):
                if found := _HIDING.search(row):
                    yield Violation(f"{found[0]} hides changes in reviews", file, number)
