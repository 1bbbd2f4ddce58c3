"""Settings files of the gate's tools, of those that would take the place of pyproject.toml, and git's attributes."""

import re
from collections.abc import Iterator

from pipeline.source.blobs import attributes, changing, is_attributes
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_NAMES = re.compile(
    r"(^|/)(\.checkov\.ya?ml|\.checkov\.baseline|\.cfnlintrc(\.ya?ml)?|\.gitleaks\.toml|gitleaks\.toml|\.gitleaksignore"
    r"|\.?zizmor\.ya?ml|actionlint\.ya?ml|\.?ruff\.toml|\.?mypy\.ini|\.bandit|bandit\.ya?ml|\.secrets\.baseline"
    r"|\.semgrepignore|\.trivyignore|\.tfsec|\.cfn_nag\.yml|pytest\.ini|\.?pytest\.toml|tox\.ini|setup\.cfg|\.flake8|\.pylintrc"
    r"|\.coveragerc|^conftest\.py|\.shellcheckrc|\.yamllint(\.ya?ml)?|\.ignore"
    r"|(site|user)customize\.py|[^/]+\.pth)$"
)
_GENERATED = ("linguist-generated", "linguist-vendored")
_FIXTURES = re.compile(r"policies/[^/]+/[^/]+/(good|bad)|pipeline/gate/engines/settings/")


def check(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if _NAMES.search(file) and not _FIXTURES.match(file):
            yield Violation(
                f"{file} changes what a tool of the gate sees", file, 1, fact="settings of a tool"
            )
        if is_attributes(file):
            for line, what, why in (*_hiding(project.text(file)), *changing(project.text(file))):
                yield Violation(why, file, line, fact=what)


def _hiding(text: str) -> Iterator[tuple[int, str, str]]:
    """What hides changes from a review, each with its fact."""
    for line, pattern, words in attributes(text):
        for word in words:
            name, _, value = word.partition("=")
            if (name in _GENERATED and value != "false") or word in ("-diff", "binary"):
                yield line, f"{pattern} {word}", f"{word} hides changes in reviews"
