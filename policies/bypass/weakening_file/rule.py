"""Settings files of the gate's tools, of those that would take the place of pyproject.toml, and git's attributes."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_NAMES = re.compile(
    r"(^|/)(\.checkov\.ya?ml|\.checkov\.baseline|\.cfnlintrc(\.ya?ml)?|\.gitleaks\.toml|gitleaks\.toml|\.gitleaksignore"
    r"|\.?zizmor\.ya?ml|actionlint\.ya?ml|\.?ruff\.toml|\.?mypy\.ini|\.bandit|bandit\.ya?ml|\.secrets\.baseline"
    r"|\.semgrepignore|\.trivyignore|\.tfsec|\.cfn_nag\.yml|pytest\.ini|\.?pytest\.toml|tox\.ini|setup\.cfg|\.flake8|\.pylintrc"
    r"|\.coveragerc|^conftest\.py|\.shellcheckrc|\.yamllint(\.ya?ml)?|\.ignore"
    r"|(site|user)customize\.py|[^/]+\.pth)$"
)
_PATTERN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')  # a row of .gitattributes begins with it, perhaps in quotes
_GENERATED = ("linguist-generated", "linguist-vendored")
# What makes git hand out other bytes than it has: in a work tree, and in an archive, which a bundle is made of.
_CHANGING = {
    "export-subst",
    "export-ignore",
    "filter",
    "ident",
    "working-tree-encoding",
    "encoding",
    "eol",
    "crlf",
}
_FIXTURES = re.compile(r"policies/[^/]+/[^/]+/(good|bad)|pipeline/gate/engines/settings/")


def check(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if _NAMES.search(file) and not _FIXTURES.match(file):
            yield Violation(
                f"{file} changes what a tool of the gate sees", file, 1, fact="settings of a tool"
            )
        if file.rpartition("/")[2] == ".gitattributes":
            for number, row in enumerate(project.text(file).split("\n"), 1):
                for what, why in _attributes(row):
                    yield Violation(why, file, number, fact=what)


def _attributes(row: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the attributes that a row sets, each with its fact. One that is unset (`-name`,
    `!name`) changes nothing.

    Source: https://git-scm.com/docs/gitattributes
    """
    pattern = _PATTERN.match(row.lstrip(" \t"))
    if pattern is None or pattern[0].startswith("#"):
        return
    for word in row.lstrip(" \t")[pattern.end() :].split():
        name, _, value = word.partition("=")
        if (name in _GENERATED and value != "false") or word in ("-diff", "binary"):
            yield f"{pattern[0]} {word}", f"{word} hides changes in reviews"
        elif name in _CHANGING:
            yield f"{pattern[0]} {word}", f"{name} makes git hand out other bytes than were reviewed"
