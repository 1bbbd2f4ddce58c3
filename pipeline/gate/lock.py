"""The digests of the gate's own code, in the form that `sha256sum --check` reads."""

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

FILE = "policies/gate.lock"
# Where the gate begins: its launcher, code and settings, and the rules; not the waivers, which come and go, nor
# the examples, which rules_kept tries. What these import is the gate's too, wherever it lies.
_GATE = re.compile(
    r"bin/pipeline|pipeline/(__main__\.py|commands/(__init__|check)\.py|gate/.+)|policies/(actions|controls|role_jobs)\.toml|policies/[^/]+/[^/]+/rule\.(py|toml)"
)
# What Python imports by its name: of several files it may take another than the one with the source.
_MODULE = re.compile(r"(/__init__)?(\.[\w-]+)*\.(py|pyc|so|pyd)$")
_ROW = re.compile(r"([0-9a-f]{64})  (.+)")


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 in hexadecimal of each file that decides what the gate finds, by path."""
    return {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(_reached(files))}


def _reached(files: Mapping[str, bytes]) -> set[str]:
    """The gate's files, and those that they import: from anywhere in a file, and through others."""
    modules: dict[str, list[str]] = {}
    for path in filter(_MODULE.search, files):
        modules.setdefault(_MODULE.sub("", path).replace("/", "."), []).append(path)
    reached: set[str] = set()
    pending = [path for path in files if _GATE.fullmatch(path)]
    while pending:
        path = pending.pop()
        if path not in reached:
            reached.add(path)
            package = tuple(path.split("/")[:-1])
            imported = _imports(files[path], package) if path.endswith(".py") else ()
            pending += [file for name in imported for part in _parts(name) for file in modules.get(part, ())]
    return reached


@lru_cache(1024)
def _imports(source: bytes, package: tuple[str, ...]) -> tuple[str, ...]:
    """The dotted names that a module imports; of `from x import y` both x and x.y, since y may be a module.

    None of one that can't be parsed: it can't be imported either.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *(node.module or "").split(".")]).rstrip(".")
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _parts(name: str) -> Iterator[str]:
    """A module's name, and those of the packages that are imported before it."""
    for end in (match.start() for match in re.finditer(r"\.|$", name)):
        yield name[:end]


def render(found: Mapping[str, str]) -> str:
    """The content of the lock file for these digests."""
    return "".join(f"{digest}  {path}\n" for path, digest in found.items())


def read(text: str) -> dict[str, tuple[str, int]]:
    """Of each path in a lock file: its digest, and the row's number from 1."""
    rows = ((_ROW.fullmatch(row), number) for number, row in enumerate(text.splitlines(), 1))
    return {row[2]: (row[1], number) for row, number in rows if row is not None}
