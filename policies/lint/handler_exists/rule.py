"""Handlers whose module or function is missing, or isn't in the function's own code."""

import ast
import re
from collections.abc import Iterator
from posixpath import normpath

from pipeline.source.code import uses
from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.violations import Violation, at_template

# As Lambda reads it: what stands after the last dot is the function, before it a path or a dotted name.
_HANDLER = re.compile(r"[\w./-]*\w\.[A-Za-z_]\w*")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        shared = dig(stack.source, "Globals", "Function", default={})
        for use in uses(stack.source):
            own = dig(stack.source, "Resources", use.function, "Properties", default={})
            handler, runtime = ({**shared, **own}.get(name) for name in ("Handler", "Runtime"))
            python = not isinstance(runtime, str) or runtime.startswith("python")
            if not isinstance(handler, str) or not isinstance(use.uri, str) or not python:
                continue
            if why := _wrong(project, handler, use.uri, use.name):
                yield at_template(stack, f"the handler {handler} {why}", *_place(stack, use.function))


def _place(stack: Stack, name: str) -> Place:
    own: Place = ("Resources", name, "Properties", "Handler")
    return own if stack.document.has(*own) else ("Globals", "Function", "Handler")


def _wrong(project: Project, handler: str, uri: str, name: str | None) -> str:
    """Why Lambda would not find the handler in the code; empty when it would, or another rule tells of the code."""
    if not _HANDLER.fullmatch(handler):
        return "is no MODULE.FUNCTION"
    module, _, function = handler.rpartition(".")
    path = module.replace(".", "/")
    code = project.described.code.get(name) if name else None
    if code is None:
        if name or uri.startswith("s3://"):
            return ""  # own_code tells: no table says what this is made of
        path = normpath(f"{uri}/{path}")
    elif not any(f"{path}/".startswith(f"{folder}/") for folder in code.folders):
        return f"is not in {', '.join(code.folders)}, which {uri} is built from"
    file = next((one for one in (f"{path}.py", f"{path}/__init__.py") if one in project.files), None)
    if file is None:
        return f"needs {path}.py, which doesn't exist"
    try:
        tree = ast.parse(project.text(file))
    except SyntaxError:
        return ""  # ruff reports it
    return "" if function in _names(tree) else f"needs {function} in {file}, which doesn't define it"


def _names(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found
