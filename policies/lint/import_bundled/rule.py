"""Imports of the application that neither Python, the Lambda runtime nor its code's group of packages gives."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, files
from typing import Any

from pipeline.source.application import Code
from pipeline.source.code import uses
from pipeline.source.packages import LOCK, distribution, locked, required
from pipeline.source.project import APPLICATION, Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation

_RUNTIME = {"boto3", "botocore"}  # in every Python runtime of Lambda


def check(project: Project) -> Iterator[Violation]:
    document = project.document("pyproject.toml")
    groups = dig(document.data, "dependency-groups", default={}) if document else {}
    known = [
        code for code in project.described.code.values() if code.group in groups
    ]  # application_described tells
    lacking = {code.name: _lacking(project, code, groups) for code in known}
    loaded = {code.name: _loaded(project, code) for code in known}
    for file in project.files:
        ships = [code for code in known if file.endswith(".py") and file.startswith(_below(code))]
        # What no handler loads may be another code's, which has the folder in common with this one.
        needs = [code for code in ships if file in loaded[code.name]]
        found = [lacking[code.name](file) for code in (needs or ships)]
        told = (
            set[tuple[int, str]]().union(*found)
            if needs
            else set[tuple[int, str]].intersection(*found or [set()])
        )
        for line, name in sorted(told):
            yield Violation(f"{name} is not in the bundle", file, line, fact=name)


def _below(code: Code) -> tuple[str, ...]:
    return tuple(f"{folder}/" for folder in code.folders)


def _lacking(
    project: Project, code: Code, groups: Mapping[str, Any]
) -> Callable[[str], set[tuple[int, str]]]:
    """Asks of a file what it imports that the code hasn't: lines and modules."""
    given = _closure(project, frozenset(distribution(one) for one in required(groups, code.group)))
    own = sys.stdlib_module_names | _RUNTIME | {folder.partition("/")[0] for folder in code.folders}
    return lambda file: {
        (line, name)
        for line, name in _imported(project.text(file))
        if name not in own and not _given(name, given)
    }


def _loaded(project: Project, code: Code) -> set[str]:
    """The files of a code that Python runs before a handler of it is called: what they import at their top."""
    template = project.document(APPLICATION)
    data = template.data if template else {}
    shared = dig(data, "Globals", "Function", "Handler", default="")
    left = {
        str(dig(data, "Resources", use.function, "Properties", "Handler", default=shared))
        .rpartition(".")[0]
        .replace("/", ".")
        for use in uses(data)
        if use.name == code.name
    }
    found: set[str] = set()
    while left:
        name = left.pop()
        steps = name.split(".")
        names = [".".join(steps[:end]) for end in range(1, len(steps) + 1)]
        files = [f"{one.replace('.', '/')}{end}" for one in names for end in (".py", "/__init__.py")]
        for file in files:
            if file in project.files and file not in found and file.startswith(_below(code)):
                found.add(file)
                left |= _names(file, _at_top(_tree(project.text(file))))
    return found


def _names(file: str, nodes: Iterator[ast.AST]) -> set[str]:
    """The modules that a file may name by its imports; of `from a import b` also a.b."""
    package = file.split("/")[:-1]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            found |= {start, *(f"{start}.{alias.name}" for alias in node.names)}
    return found


@lru_cache(512)
def _tree(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module([], [])  # ruff reports it


@lru_cache(512)
def _imported(text: str) -> frozenset[tuple[int, str]]:
    return frozenset(_imports(_running(_tree(text))))


def _imports(nodes: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def _at_top(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the file is imported: none inside of a function."""
    return _running(
        node, within=lambda one: not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    )


def _running(node: ast.AST, within: Callable[[ast.AST], bool] = lambda _: True) -> Iterator[ast.AST]:
    """Every node but those that a type checker alone sees, and those `within` what isn't asked for."""
    yield node
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children: Iterable[ast.AST] = node.orelse
    else:
        children = ast.iter_child_nodes(node) if within(node) else ()
    for child in children:
        yield from _running(child, within)


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
