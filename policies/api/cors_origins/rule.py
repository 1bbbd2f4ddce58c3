"""Origins that are a wildcard or unencrypted: in templates, settings and code."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from pipeline.iam.statements import texts
from pipeline.source.environments import Environment
from pipeline.source.located import Place, texts_in
from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.violations import Violation, at, at_parameter, at_template

_HEADER = re.compile(r"Access-Control-Allow-Origin[\"'\])]*\s*[\],:=]+\s*[\"']+\*", re.IGNORECASE)
_ALLOW = "access-control-allow-origin"
_CALLERS = re.compile(r"\brequest\b|\.headers\b|HTTP_ORIGIN|\b[a-z_]*origin\b")
_PARAMETER = re.compile(r"cors|origin", re.IGNORECASE)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        yield from _properties(stack)
        yield from _sources(stack)
        yield from _parameters(stack)
    for file in project.files:
        if project.ships(file) and file.endswith(".py"):
            text = project.text(file)
            for number, row in enumerate(text.splitlines(), 1):
                if _HEADER.search(row):
                    yield Violation("every origin may read the answers", file, number)
            if _ALLOW in text.lower():
                for number in _echoes(text):
                    yield Violation("the caller's own origin is named back, whatever it is", file, number)


def _admits_all(pattern: str) -> bool:
    try:
        return re.fullmatch(pattern, "*") is not None
    except re.error:
        return False  # cfn-lint tells


def _echoes(text: str) -> Iterator[int]:
    """The lines that set the header to a value that the same code never looks for in what is allowed."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # ruff reports it
    doubtful = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)
        for part in ast.walk(node)
    }
    sought = {
        ast.unparse(node.left)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.In | ast.NotIn)
        and node not in doubtful
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(_is_header(target) for target in node.targets):
            value = ast.unparse(node.value)
            if _CALLERS.search(value) and value not in sought:
                yield node.lineno


def _is_header(target: ast.expr) -> bool:
    if not isinstance(target, ast.Subscript) or not isinstance(target.slice, ast.Constant):
        return False
    return str(target.slice.value).lower() == _ALLOW


def _parameters(stack: Stack) -> Iterator[Violation]:
    for name, body in stack.section("Parameters").items():
        pattern = dig(body, "AllowedPattern")
        if _PARAMETER.search(name) and isinstance(pattern, str) and _admits_all(pattern):
            yield at_template(stack, f"{name} can be every origin", "Parameters", name, "AllowedPattern")
    for name, value in stack.environment.parameters.items():
        if _PARAMETER.search(name) and (why := _origin(value, stack.environment)):
            yield at_parameter(stack.environment, f"{why} in {name}", name)


def _properties(stack: Stack) -> Iterator[Violation]:
    for resource in stack.resources.values():
        for place, key, value in texts_in(resource.properties):
            if why := _why(key, place, value, stack.environment):
                yield at(resource, f"{why} in {key}", *place)


def _sources(stack: Stack) -> Iterator[Violation]:
    """SAM's Cors property, which the transform turns into answers of a mock."""
    kinds = ("AWS::Serverless::Api", "AWS::Serverless::HttpApi")
    places: list[tuple[Any, Place]] = [
        (body.get("Properties"), ("Resources", name, "Properties", "Cors"))
        for name, body in stack.source["Resources"].items()
        if body["Type"] in kinds
    ]
    places += [
        (body, ("Globals", name, "Cors"))
        for name, body in (stack.source.get("Globals") or {}).items()
        if name in ("Api", "HttpApi")
    ]
    for body, place in places:
        cors = stack.scope.resolve(dig(body, "Cors"))
        origins = (
            cors if isinstance(cors, str) else dig(cors, "AllowOrigin", default=dig(cors, "AllowOrigins"))
        )
        for value in texts(origins):
            if why := _origin(value.strip("'"), stack.environment):
                yield at_template(stack, f"{why} in Cors", *place)
        if cors is True:
            yield at_template(stack, "every origin in Cors", *place)


def _why(key: str, place: Place, value: str, environment: Environment) -> str:
    about = (
        key.lower() in ("alloworiginslist", "alloworigins", "alloworigin") or "allow-origin" in key.lower()
    )
    if about or ("Variables" in place and "CORS" in key.upper()):
        return _origin(value.strip("'"), environment)
    return ""


def _origin(value: str, environment: Environment) -> str:
    for origin in (part.strip() for part in value.split(",")):
        if "*" in origin:
            return "every origin"
        if origin == "null":
            return "the origin null, which any page can have,"
        if origin.startswith("http://") and not environment.laptop:
            return f"the unencrypted origin {origin}"
    return ""
