"""Literal secrets, secrets from the environment and secrets in logs, in the Python code that ships."""

import ast
import builtins
import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache

from pipeline.source import secrets
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_IN_SQL = re.compile(r"\bPASSWORD\s+'[^']", re.IGNORECASE)
_JUDGED = {ast.Constant, ast.Assign, ast.AnnAssign, ast.keyword, ast.Call, ast.Subscript}
_COPIES = ("dict", "str", "repr", "list", "json.dumps")
_STRINGS = {"SecretString", "SecretBinary", "RandomPassword"}
_LOGS = {"debug", "info", "warning", "error", "critical", "exception", "log", "print", "write"}
_VARIABLE = re.compile(
    r"(^|_)(password|passwd|pwd|secret|secret_value|secret_string|(api|access|auth|bearer|refresh)_token"
    r"|api_key|private_key)$",
    re.IGNORECASE,
)


# The line, the fact, and the sentence.
type _Fault = tuple[int, str, str]


def check(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if not project.ships(file) and not file.startswith("pipeline/"):
            continue
        if file.endswith(".py"):
            for line, what, why in _in_code(project.text(file)):
                yield Violation(why, file, line, fact=what)
        elif file.endswith(".sql"):
            for number, row in enumerate(project.text(file).splitlines(), 1):
                if _IN_SQL.search(row):
                    yield Violation(
                        "a password is written into SQL", file, number, fact=re.sub("'[^']*'", "'...'", row)
                    )


@lru_cache(512)
def _in_code(text: str) -> tuple[_Fault, ...]:
    """All that is wrong in a file's text; kept, for who judges a tree again with one file changed."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ()  # ruff reports it
    nodes = [node for node in ast.walk(tree) if type(node) in _JUDGED]
    held = _held(nodes) if "get_secret_value" in text else set()
    return tuple(fault for node in nodes for fault in _faults(node, held))


def _held(nodes: list[ast.AST]) -> set[str]:
    """The names that hold what Secrets Manager said or is told, in a file that asks it."""
    names: set[str] = set()
    size = -1
    while size < len(names):
        size = len(names)
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name) and _holds(node.value, names):
                        names.add(target.id)
                    if isinstance(target, ast.Subscript) and _is_secret(target):
                        names |= _loaded(target.value)
            elif isinstance(node, ast.keyword) and node.arg in _STRINGS:
                names |= _loaded(node.value)
    return names


def _holds(value: ast.expr, names: set[str]) -> bool:
    if isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "get_secret_value":
        return True
    if isinstance(value, ast.Compare):
        return False  # tells only whether
    return any(_is_secret(part) or getattr(part, "id", "") in names for part in _parts(value))


def _loaded(value: ast.expr) -> set[str]:
    return {node.id for node in _parts(value) if isinstance(node, ast.Name) and node.id not in dir(builtins)}


def _faults(node: ast.AST, held: set[str]) -> Iterator[_Fault]:
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and (why := secrets.form(text)) and not _is_pattern(text):
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        yield getattr(node, "lineno", 1), f"a text {digest[:8]}", f"a text {why}"
    if isinstance(node, ast.Assign | ast.AnnAssign) and _literal(node.value):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if _is_secret(target):
                yield node.lineno, ast.unparse(target), f"{ast.unparse(target)} is a secret in plain text"
    if isinstance(node, ast.keyword) and node.arg and _VARIABLE.search(node.arg) and _literal(node.value):
        yield node.value.lineno, f"{node.arg}=", f"{node.arg} is given a secret in plain text"
    if isinstance(node, ast.Call):
        yield from _call(node, held)
        yield from _handed_on(node)
    if isinstance(node, ast.Subscript) and _dotted(node.value).endswith("environ") and _named(node.slice):
        name = ast.unparse(node.slice)
        yield node.lineno, f"environment {name}", f"{name} is a secret from the environment"


def _call(node: ast.Call, held: set[str]) -> Iterator[_Fault]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    source = _dotted(node.func)
    if (source.endswith("environ.get") or name == "getenv") and node.args and _named(node.args[0]):
        variable = ast.unparse(node.args[0])
        yield node.lineno, f"environment {variable}", f"{variable} is a secret from the environment"
    logs = name == "print" or (name in _LOGS and re.search(r"log|print|stdout|stderr", source, re.IGNORECASE))
    if not logs:
        return
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    parts = (part for value in values for part in _parts(value))
    found = [
        ast.unparse(one) for one in parts if _is_secret(one) or _is_all(one) or getattr(one, "id", "") in held
    ]
    for one in dict.fromkeys(found):
        yield node.lineno, f"log of {one}", f"{one} is written to a log"


def _handed_on(node: ast.Call) -> Iterator[_Fault]:
    """A copy of the whole environment that is given on: it soon is in a reply, a message or a file."""
    own = any(keyword.arg == "env" for keyword in node.keywords)
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    if not own and _dotted(node.func) not in _COPIES:
        for value in filter(_is_copy, values):
            what = f"environment to {ast.unparse(node.func)}"
            yield value.lineno, what, "the whole environment, credentials included, is given on"


def _is_copy(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return any(
            key is None and _is_environment(one) for key, one in zip(value.keys, value.values, strict=True)
        )
    if not isinstance(value, ast.Call):
        return False
    called = _dotted(value.func)
    copied = called in _COPIES and any(_is_environment(one) or _is_copy(one) for one in value.args)
    return copied or (isinstance(value.func, ast.Attribute) and called.endswith("environ.copy"))


def _dotted(node: ast.expr) -> str:
    """The text of an expression; of names and their members, which are the most, by a quicker way."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def _is_environment(node: ast.expr) -> bool:
    return _dotted(node) in ("os.environ", "environ", "__import__('os').environ")


def _parts(node: ast.AST) -> Iterator[ast.expr]:
    """Names, attributes and entries in an expression; of `secret["username"]` the entry alone."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _parts(child)


def _is_all(node: ast.expr) -> bool:
    """Whether it is everything at once: all headers with Authorization, all cookies, the whole environment."""
    return isinstance(node, ast.Attribute) and node.attr in ("headers", "cookies", "environ")


def _is_secret(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        name = str(node.slice.value) if isinstance(node.slice, ast.Constant) else ""
        return name in _STRINGS or bool(_VARIABLE.search(name))
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return bool(_VARIABLE.search(name))


def _named(node: ast.expr) -> bool:
    own = (
        "GITHUB_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "AWS_SESSION_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
    )
    text = node.value if isinstance(node, ast.Constant) else ""
    return isinstance(text, str) and secrets.named(text) and text not in own


def _literal(node: ast.expr | None) -> bool:
    """A text that can be a secret: not short, without blanks, and no name, such as `password`."""
    value = node.value if isinstance(node, ast.Constant) else None
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    if not isinstance(value, str) or len(value) < 6 or re.search(r"\s|[{}]|^[/<$]|^arn:", value):
        return False
    return not re.fullmatch(r"[a-z_.-]*(password|secret|token|key|next|none)[a-z_.-]*", value, re.IGNORECASE)


def _is_pattern(text: str) -> bool:
    return bool(re.search(r"\[A-Za-z0-9|\(\?|\\[bsdw]|\)\||\{\d", text))
