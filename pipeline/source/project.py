"""The repository that is judged: its files, templates, environments and workflows, each read once."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from posixpath import normpath
from typing import Any

from pipeline.source import blobs
from pipeline.source.application import Application, settle
from pipeline.source.environments import SAMCONFIG, Environment, environments
from pipeline.source.expansion import ExpansionError
from pipeline.source.located import Document, DocumentError, parse
from pipeline.source.settings import CODE_FOLDERS, Settings
from pipeline.source.settings import FILE as SETTINGS
from pipeline.source.stacks import Stack, build
from pipeline.source.workflows import Action, Workflow

APPLICATION = "template.yaml"
BOOTSTRAP = "bootstrap/template.yaml"

# The folders of this engine's Python code; the application's come beside them.
_ENGINE = ("bin", "pipeline", "policies", "sandbox", "benchmarks", "tests")

_BIGGEST = 8_000_000  # bytes; nothing that is judged comes near
_ACTION = ("action.yml", "action.yaml")
_LOCAL_USE = re.compile(r"""\buses["']?\s*:\s*["']?(\./[^\s"'#,}]*)""")


@dataclass(frozen=True)
class Problem:
    """A surface that couldn't be read or expanded: it fails the gate, since nothing judged it."""

    file: str
    line: int
    message: str
    environment: str = ""
    resource: str = ""


@dataclass(frozen=True)
class Project:
    """A repository, as the contents of its files by name (relative, with /).

    `links` are the names that are links, with what they name; `index` is what else git would commit.
    """

    root: Path
    files: Mapping[str, bytes] = field(repr=False)
    links: Mapping[str, str] = field(default_factory=dict)
    index: blobs.Index = field(default_factory=blobs.Index)

    @classmethod
    def load(cls, root: Path) -> "Project":
        files = {name: (root / name).read_bytes() for name in sorted(_walk(root))}
        return cls(root, files, links(root), blobs.index(root))

    def text(self, file: str) -> str:
        """The file's text; bytes that aren't UTF-8 are replaced. Empty when there is no such file."""
        return self.files.get(file, b"").decode("utf-8", errors="replace")

    def document(self, file: str) -> Document | None:
        """The parsed file; None when it is missing or can't be parsed, which `problems` then tells."""
        return self._documents[0].get(file)

    @cached_property
    def _documents(self) -> tuple[dict[str, Document], tuple[Problem, ...]]:
        found, problems = {}, []
        for file in self.files:
            if not _is_read(file) and file not in self._used_actions:
                continue
            try:
                found[file] = _parsed(self.files[file].decode("utf-8"), file)
            except DocumentError as error:
                problems.append(Problem(file, error.line, f"{file} {error.message}"))
            except UnicodeDecodeError as error:
                problems.append(Problem(file, 1, f"{file} is not UTF-8: {error}"))
        return found, tuple(problems)

    @cached_property
    def _used_actions(self) -> set[str]:
        """The files of the actions of this repository that some step names, in whatever folder they lie."""
        folders = {
            normpath(path)
            for file in self.files
            if file.startswith(".github/") or file.rsplit("/", 1)[-1] in _ACTION
            for path in _LOCAL_USE.findall(self.text(file))
        }
        return {file for folder in folders for file in (normpath(f"{folder}/{name}") for name in _ACTION)}

    @cached_property
    def described(self) -> Application:
        """What samconfig.toml says of the application, as far as it can be taken."""
        document = self.document(SAMCONFIG)
        return settle(document.data if document is not None else {})[0]

    @cached_property
    def settings(self) -> Settings:
        """What security chose of what the rules hold this application to."""
        return Settings(self.document(SETTINGS))

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders of Python code: what lies elsewhere is judged by no type checker, and imported by nobody."""
        own = (folder.partition("/")[0] for folder in self.described.folders)
        return tuple(dict.fromkeys((*own, *_ENGINE, *self.settings.names(CODE_FOLDERS))))

    def ships(self, file: str) -> bool:
        """Whether the file is a part of the application's code."""
        return file.startswith(self._shipped)

    @cached_property
    def _shipped(self) -> tuple[str, ...]:
        return tuple(f"{folder}/" for folder in self.described.folders)

    @cached_property
    def environments(self) -> tuple[Environment, ...]:
        document = self.document(SAMCONFIG)
        return environments(document) if document is not None else ()

    def environment(self, name: str) -> Environment | None:
        return next((one for one in self.environments if one.name == name), None)

    @property
    def application(self) -> tuple[Stack, ...]:
        """template.yaml, once per environment."""
        return self._application[0]

    @property
    def bootstrap(self) -> tuple[Stack, ...]:
        """bootstrap/template.yaml, once per environment."""
        return self._bootstrap[0]

    @property
    def stacks(self) -> tuple[Stack, ...]:
        return (*self.application, *self.bootstrap)

    @cached_property
    def _application(self) -> tuple[tuple[Stack, ...], tuple[Problem, ...]]:
        return self._build(APPLICATION, {one.name: one.parameters for one in self.environments})

    @cached_property
    def _bootstrap(self) -> tuple[tuple[Stack, ...], tuple[Problem, ...]]:
        given = {
            one.name: {
                "Name": self.described.name or one.stack_name.removesuffix(f"-{one.name}"),
                "Environment": one.name,
                "GitHubBranch": self.described.branch,
                "KeepsLedger": str(self.described.ledger).lower(),
                **_texts(one.table("bootstrap")),
            }
            for one in self.environments
        }
        return self._build(BOOTSTRAP, given)

    def _build(
        self, file: str, values: Mapping[str, dict[str, str]]
    ) -> tuple[tuple[Stack, ...], tuple[Problem, ...]]:
        document = self.document(file)
        if document is None:
            return (), ()
        if problem := _misshapen(document):
            return (), (problem,)
        stacks, problems = [], []
        for environment in self.environments:
            try:
                stacks.append(
                    _built(
                        document,
                        environment.document,
                        environment.name,
                        tuple(values[environment.name].items()),
                    )
                )
            except ExpansionError as error:
                for name, message in error.faults:
                    line = document.line("Resources", name) if name else 1
                    problems.append(Problem(file, line, message, environment.name, name))
        return tuple(stacks), tuple(problems)

    @cached_property
    def workflows(self) -> tuple[Workflow, ...]:
        return tuple(
            Workflow(document)
            for file, document in self._documents[0].items()
            if file.startswith(".github/workflows/")
        )

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        return tuple(
            Action(document)
            for file, document in self._documents[0].items()
            if file.rsplit("/", 1)[-1] in _ACTION
        )

    @property
    def automations(self) -> tuple[Workflow | Action, ...]:
        """Workflows and actions alike: what has steps."""
        return (*self.workflows, *self.actions)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What can't be judged, since it can't be read, is missing, or doesn't expand."""
        missing = [
            Problem(file, 1, f"{file} is missing: the gate judges it, and can't judge what isn't there")
            for file in (APPLICATION, SAMCONFIG)
            if file not in self.files
        ]
        if not missing and self.document(SAMCONFIG) and not self.environments:
            missing.append(
                Problem(SAMCONFIG, 1, f"{SAMCONFIG} defines no environment, so nothing would be judged")
            )
        return (*missing, *self._documents[1], *self._application[1], *self._bootstrap[1])


@lru_cache(256)
def _parsed(text: str, file: str) -> Document:
    """A file's content, parsed once in a process: projects that differ in a file share all the others."""
    return parse(text, file)


@lru_cache(64)
def _built(document: Document, settings: Document, name: str, values: tuple[tuple[str, str], ...]) -> Stack:
    environment = next(one for one in environments(settings) if one.name == name)
    return build(document, environment, dict(values))


def _is_read(file: str) -> bool:
    """The structured files that rules look into; others are text to them."""
    folder, _, name = file.rpartition("/")
    suffix = name.rsplit(".", 1)[-1]
    if file in (APPLICATION, BOOTSTRAP, SAMCONFIG, "pyproject.toml", "policies/waivers.toml", SETTINGS):
        return True
    return suffix in ("yml", "yaml") and (
        folder == ".github/workflows"
        or (name in _ACTION and folder.startswith(".github/actions"))
        or file in (".pre-commit-config.yaml", ".github/dependabot.yml")
    )


def _misshapen(document: Document) -> Problem | None:
    """What keeps a parsed file from being a template: no Resources, a resource without Type, and so on."""
    file, data = document.file, document.data
    if not isinstance(data, dict):
        return Problem(file, 1, f"{file} is not a mapping, so it is no template")
    resources = data.get("Resources")
    if not isinstance(resources, dict) or not resources:
        return Problem(file, document.line("Resources"), f"{file} has no Resources")
    for name, body in resources.items():
        line = document.line("Resources", name)
        if name.startswith("Fn::"):
            message = f"{name} makes resources when they are deployed: nothing can judge them before"
            return Problem(file, line, message, resource=name)
        if not isinstance(body, dict) or not isinstance(body.get("Type"), str):
            return Problem(file, line, f"resource {name} has no Type", resource=name)
        if not isinstance(body.get("Properties", {}), dict | None):
            return Problem(file, line, f"the Properties of {name} are not a mapping", resource=name)
    for section in ("Parameters", "Conditions", "Mappings", "Outputs", "Globals"):
        if not isinstance(data.get(section, {}), dict):
            return Problem(file, document.line(section), f"{section} is not a mapping")
    return None


def links(root: Path) -> dict[str, str]:
    """What the links below a folder name, by their own names; not those that tools leave, which may lead nowhere now,
    as to a sandbox that was in memory: one that git has is told for that."""
    paths = (Path(folder, name) for folder, _, names in _folders(root) for name in names)
    found = {path.relative_to(root).as_posix(): path for path in paths if path.is_symlink()}
    return {name: str(path.readlink()) for name, path in found.items() if not blobs.is_leftover(name)}


def _texts(table: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in table.items()}


def _walk(root: Path) -> Iterator[str]:
    for folder, top, names in _folders(root):
        for name in names:
            path = Path(folder, name)
            # In a linked work tree or a submodule .git is a file.
            leftover = (
                name in blobs.NOWHERE or name.endswith(".pyc") or (top and name.startswith(".coverage"))
            )
            if path.is_file() and path.stat().st_size <= _BIGGEST and not leftover:
                yield path.relative_to(root).as_posix()


def _folders(root: Path) -> Iterator[tuple[str, bool, list[str]]]:
    """The folders of a repository, whether each is the top, and what lies in it beside folders: also links to one."""
    for folder, folders, names in os.walk(root):
        top = Path(folder) == root
        folders[:] = [
            one for one in folders if one not in blobs.NOWHERE and not (top and one in blobs.NOT_AT_TOP)
        ]
        yield folder, top, [*names, *(one for one in folders if Path(folder, one).is_symlink())]
