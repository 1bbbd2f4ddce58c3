"""What an engine is, and what it works on."""

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.gate.findings import Finding
from pipeline.gate.parts import WHOLE, Scope
from pipeline.source.project import Project

# The gate's own configuration of its tools, out of the judged repository's reach.
SETTINGS = Path(__file__).resolve().parent / "settings"

# Files that make a tool see less. No tool is shown them; that they exist is a finding of its own.
_WEAKENING = {
    ".checkov.yaml",
    ".checkov.yml",
    ".gitleaks.toml",
    ".gitleaksignore",
    "gitleaks.toml",
    "zizmor.yml",
    "zizmor.yaml",
    ".cfnlintrc",
    ".cfnlintrc.yaml",
    ".cfnlintrc.yml",
    "actionlint.yaml",
    "actionlint.yml",
    ".gitignore",
    ".ignore",
}


class EngineError(Exception):
    """An engine that gave no verdict: missing, crashed, out of time, or with output that can't be read."""


@dataclass(frozen=True)
class Context:
    """What engines work on: the judged project, a scratch folder of this run, and whose tests are asked for."""

    project: Project
    scratch: Path
    scope: Scope = WHOLE
    _copying: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _expanding: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _made: dict[str, Path] = field(default_factory=dict, repr=False)

    @property
    def tree(self) -> Path:
        """A copy of the project's files alone: no leftovers of builds, no settings that weaken a tool."""
        return self._once("tree", self._copy, self._copying)

    @property
    def resolved(self) -> Path:
        """A folder with every stack as a template without conditions: NAME-ENVIRONMENT.json."""
        return self._once(
            "resolved", partial(self._write, form=lambda stack: stack.for_tools()), self._expanding
        )

    @property
    def expanded(self) -> Path:
        """A folder with every stack as the transform gives it, intrinsic functions untouched."""
        return self._once(
            "expanded", partial(self._write, form=lambda stack: stack.expanded), self._expanding
        )

    def warm(self) -> None:
        """Expand the templates, once for all engines: two threads that ask would do the work twice."""
        with self._expanding:
            _ = self.project.problems

    def _once(self, name: str, make: Callable[[Path], None], lock: threading.RLock) -> Path:
        with lock:
            if name not in self._made:
                folder = self.scratch / name
                folder.mkdir(exist_ok=True)  # what went wrong once is told as it is to each engine
                make(folder)
                self._made[name] = folder
            return self._made[name]

    def _copy(self, root: Path) -> None:
        (root / ".git").mkdir(exist_ok=True)  # where tools look for a repository's top
        for name, content in self.project.files.items():
            if name.rsplit("/", 1)[-1] not in _WEAKENING:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def _write(self, folder: Path, form: Callable[[Any], Any]) -> None:
        for kind, stacks in (
            ("application", self.project.application),
            ("bootstrap", self.project.bootstrap),
        ):
            for stack in stacks:
                path = folder / f"{kind}-{stack.environment.name}.json"
                path.write_text(json.dumps(form(stack), indent=1, default=str), encoding="utf-8")

    def stack_of(self, path: str) -> Any:
        """The stack behind a file of `resolved` or `expanded`."""
        kind, _, environment = Path(path).stem.partition("-")
        stacks = self.project.application if kind == "application" else self.project.bootstrap
        return next(stack for stack in stacks if stack.environment.name == environment)


@dataclass(frozen=True)
class Engine:
    """One judge.

    packages  the distributions whose version decides the verdict
    reads     whether a file's content decides the verdict (for the cache)
    run       gives the findings, or raises EngineError
    cached    whether a verdict may be taken from an earlier run on the same content
    scope     what of the project it looked at, in words; empty for all that it reads
    """

    name: str
    packages: tuple[str, ...]
    reads: Callable[[str], bool]
    run: Callable[[Context], Iterable[Finding]] = field(repr=False)
    cached: bool = True
    scope: Callable[[Context], str] = field(default=lambda context: "", repr=False)


def row(context: Context, file: str, line: int) -> str:
    """A row of a file: what a tool's finding is about, wherever the row moves to."""
    rows = context.project.text(file).splitlines()
    return rows[line - 1] if 0 < line <= len(rows) else ""


def subject(message: str) -> str:
    """What a tool's message quotes first: what it is about."""
    quoted = re.search(r"""(?<![\w])(["'`])(?P<text>.+?)\1(?![\w])""", message)
    return quoted["text"] if quoted else ""


def parsed(tool: str, text: str) -> Any:
    """A tool's JSON. Raises EngineError: what can't be read is no verdict."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise EngineError(f"{tool} gave output that is not JSON ({error}): {text[:200]!r}") from error
