"""The routes of a Flask application, as Flask itself lists them: its url_map, read in a process of its own."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import ToolError
from pipeline.base.run import run
from pipeline.base.surroundings import bare
from pipeline.source import url_map_reader

SAMPLES = "A variable that only AWS knows gets a value in samples, in [application] of samconfig.toml."


class UrlMapError(Exception):
    """An application without a list of its routes: why, and where in the repository ('' and 0 for nowhere)."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message, self.file, self.line = message, file, line


@dataclass(frozen=True)
class Part:
    """What a rule has between two slashes: `text`, or, with a `name`, whatever `regex` takes.

    `several`: also with slashes in it, as Flask's `path`. `choices` are all that an `any` takes.
    """

    text: str
    name: str
    several: bool
    regex: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One rule of the url_map. `automatic` are the methods that Flask answers without having been asked to.

    `file` and `line` are where the route is written; '' and 0 where that is none of the repository's files.
    """

    rule: str
    endpoint: str
    methods: tuple[str, ...]
    automatic: frozenset[str]
    parts: tuple[Part, ...]
    file: str
    line: int


@dataclass(frozen=True)
class UrlMap:
    """What a module's application answers. `silent`: WSGI applications in it that have no list of routes."""

    rules: tuple[Rule, ...]
    silent: tuple[str, ...]


def read(root: Path, module: str, variables: Mapping[str, str]) -> UrlMap:
    """The rules of the application in `module`, imported from `root` with `variables` as its environment.

    The process that imports it has none of this one's credentials, a home that is empty, and no network. Raises
    UrlMapError, and ToolError where that process itself failed.
    """
    with tempfile.TemporaryDirectory(prefix="routes-") as scratch:
        answer = Path(scratch) / "answer.json"
        words = [
            sys.executable,
            "-I",
            "-B",
            url_map_reader.__file__,
            str(root.resolve()),
            module,
            str(answer),
        ]
        nowhere = {"HOME": scratch, "AWS_EC2_METADATA_DISABLED": "true"}
        done = run(
            words,
            cwd=Path(scratch),
            env=bare(os.environ) | nowhere | dict(variables),
            inherit=False,
            check=False,
        )
        if done.status != 0 or not answer.is_file():
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
            raise ToolError(
                f"{module} ended the process that imported it, with status {done.status}.",
                " ".join(last) or "It wrote nothing.",
            )
        found = json.loads(answer.read_text(encoding="utf-8"))
    if "fault" in found:
        raise UrlMapError(found["fault"], found["file"], found["line"])
    return UrlMap(tuple(_rule(one) for one in found["rules"]), tuple(found["silent"]))


def _rule(told: Mapping[str, object]) -> Rule:
    fields = dict(told)
    parts = fields.pop("parts")
    if not isinstance(parts, list):
        raise TypeError(f"the parts of a rule are no list: {parts!r}")
    methods, automatic = (fields.pop(name) for name in ("methods", "automatic"))
    return Rule(
        methods=tuple(methods if isinstance(methods, list) else ()),
        automatic=frozenset(automatic if isinstance(automatic, list) else ()),
        parts=tuple(Part(**{**one, "choices": tuple(one["choices"])}) for one in parts),
        **fields,  # type: ignore[arg-type]
    )
