"""Handlers whose module or function is missing, or isn't in the function's own code."""

import ast
import re
from collections.abc import Iterator

from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.violations import Violation, at_template


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        for name, body in stack.source["Resources"].items():
            if body["Type"] not in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
                continue
            shared = dig(stack.source, "Globals", "Function", default={})
            handler = dig(body, "Properties", "Handler", default=dig(shared, "Handler"))
            code = dig(body, "Properties", "CodeUri", default=dig(shared, "CodeUri"))
            if isinstance(handler, str) and isinstance(code, str) and (why := _wrong(project, handler, code)):
                yield at_template(
                    stack, f"the handler {handler} {why}", *_place(stack, name, handler), fact=handler
                )


def _place(stack: Stack, name: str, handler: str) -> Place:
    own: Place = ("Resources", name, "Properties", "Handler")
    return own if stack.document.has(*own) else ("Globals", "Function", "Handler")


def _wrong(project: Project, handler: str, code: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", handler):
        return "is no MODULE.FUNCTION"
    module, _, function = handler.rpartition(".")
    folder = code.strip("./").rpartition("/")[2]
    if not any(file.startswith(f"{folder}/") for file in project.files):
        return f"would be built from {folder}/, which doesn't exist"
    if module.partition(".")[0] != folder:
        return f"is not in {folder}/, which {code} is built from"
    path = module.replace(".", "/")
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
