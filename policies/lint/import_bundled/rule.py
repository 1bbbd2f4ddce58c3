"""Imports of the application that neither Python, the Lambda runtime nor its code's group of packages gives."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, files

from pipeline.source.packages import LOCK, distribution, locked, required
from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation

_RUNTIME = {"boto3", "botocore"}  # in every Python runtime of Lambda


def check(project: Project) -> Iterator[Violation]:
    document = project.document("pyproject.toml")
    groups = dig(document.data, "dependency-groups", default={}) if document else {}
    for code in project.described.code.values():
        if code.group not in groups:
            continue  # told by application_described
        given = frozenset(distribution(one) for one in required(groups, code.group))
        own = {folder.partition("/")[0] for folder in code.folders}
        for file in project.files:
            if file.endswith(".py") and file.startswith(tuple(f"{folder}/" for folder in code.folders)):
                yield from _missing(project, file, given, own)


def _missing(project: Project, file: str, given: frozenset[str], own: set[str]) -> Iterator[Violation]:
    try:
        tree = ast.parse(project.text(file))
    except SyntaxError:
        return  # ruff reports it
    for line, name in _imports(tree):
        known_names = sys.stdlib_module_names | _RUNTIME | own
        if name not in known_names and not _given(name, _closure(project, given)):
            yield Violation(f"{name} is not in the bundle", file, line)


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in _running(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that a type checker alone sees."""
    yield node
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for other in node.orelse:
            yield from _running(other)
        return
    for child in ast.iter_child_nodes(node):
        yield from _running(child)


def _closure(project: Project, given: frozenset[str]) -> set[str]:
    """The given distributions and what they need, as uv.lock has it."""
    needs = _locked(project.text(LOCK))
    found: set[str] = set()
    left = list(given)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += needs.get(name, [])
    return found


def _given(module: str, distributions: set[str]) -> bool:
    """Whether a distribution has the module: by its name, or by the files that are installed here."""
    return distribution(module) in distributions or any(module in _modules(one) for one in distributions)


@cache
def _modules(name: str) -> frozenset[str]:
    try:
        return frozenset(file.parts[0].removesuffix(".py") for file in files(name) or ())
    except PackageNotFoundError:
        return frozenset()


@cache
def _locked(text: str) -> dict[str, list[str]]:
    return {one["name"]: [need["name"] for need in one.get("dependencies", [])] for one in locked(text)}
