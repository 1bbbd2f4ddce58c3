"""Whose a file is: the application's, which a team changes, or the engine's; and whose tests and types a change asks
for."""

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from pipeline.source import application
from pipeline.source.application import Application


@dataclass(frozen=True)
class Lists:
    """What parts.toml says: `files` and the folder `tests` are a team's, the folder `documents` comes with the engine
    and may become a team's; the folders `engine` and the modules `platform` of app/ are the engine's."""

    files: frozenset[str]
    tests: str
    documents: str
    engine: tuple[str, ...]
    platform: frozenset[str]


def lists(text: str) -> Lists:
    """The lists of an engine, of the text of its parts.toml."""
    given = tomllib.loads(text)
    return Lists(
        frozenset(given["files"]),
        given["tests"],
        given["documents"],
        tuple(given["engine"]),
        frozenset(given["platform"]),
    )


FILE = "pipeline/gate/parts.toml"
_HERE = lists(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
TESTS, PLATFORM = _HERE.tests, _HERE.platform
NEW = "0" * 40  # what an event gives as the commit before, of a branch that is new


# Whose a file is. A document comes with the engine, and a team may make it its own.
TEAMS, ENGINES, DOCUMENT = "the team's", "the engine's", "a document"


def whose(file: str, code: Collection[str], known: Lists = _HERE) -> str:
    """Whose a file is, by its path in the repository; `code` are the folders that the application ships."""
    folders, name = file.split("/")[:-1], file.rsplit("/", 1)[-1]
    if file in known.files:
        return TEAMS
    if any(part.startswith(".") for part in (*folders, name)):
        return ENGINES  # what git, editors and tools heed
    if folders[:1] == ["app"] and file.split("/")[1].partition(".")[0] in known.platform:
        return ENGINES
    if folders[:1] == [known.documents] or (not folders and name.endswith(".md")):
        return DOCUMENT
    own = [folder for folder in code if folder.partition("/")[0] not in known.engine]
    return TEAMS if any(file.startswith(f"{folder}/") for folder in (known.tests, *own)) else ENGINES


def is_application(file: str, code: Collection[str]) -> bool:
    """Whether no test of the engine asks for a file, so that a change of it runs the application's alone."""
    return whose(file, code) != ENGINES


@dataclass(frozen=True)
class Scope:
    """Whose tests run, and whose types are held: the application's always, the engine's with `engine`; and why, in
    words, of the tests."""

    engine: bool
    why: str


WHOLE = Scope(engine=True, why="all tests: there is no base to compare with")


def main(root: Path) -> str | None:
    """The branch that a pull request of `root` would go into: as origin has it, or else as this clone does."""
    described = _described(root)
    ref = git.branch(described.branch, root) if described and (root / ".git").exists() else None
    return ref.removeprefix("refs/remotes/").removeprefix("refs/heads/") if ref else None


def _described(root: Path) -> Application | None:
    """The application; None where samconfig.toml doesn't describe it, which the gate tells."""
    try:
        return application.read(root)
    except ConfigurationError:
        return None


def scope(root: Path, base: str | None) -> Scope:
    """Whose tests a change asks for: what is committed since `base`, and what is not committed yet.

    Raises ConfigurationError where `base` is no commit of this clone, or HEAD has no history in common with it.
    """
    if not base:
        return WHOLE
    if base == NEW:
        return Scope(engine=True, why="all tests: the branch is new, so that there is no commit before")
    if not (root / ".git").exists():
        return Scope(
            engine=True, why=f"all tests: no git repository, so that nothing can be held against {base}"
        )
    if not (root / TESTS).is_dir():
        return Scope(engine=True, why=f"all tests: there is no folder {TESTS}")
    changed = _changed(root, common(root, base))
    described = _described(root)
    code = described.folders if described else ()
    if engine := [file for file in changed if not is_application(file, code)]:
        more = (
            f" and {len(engine) - 1} more of the engine's files"
            if len(engine) > 1
            else ", which is the engine's,"
        )
        return Scope(engine=True, why=f"all tests: {engine[0]}{more} changed against {base}")
    return Scope(
        engine=False,
        why=f"the application's tests alone: the engine is unchanged against {base}; its own run where it changes, "
        "and every night",
    )


def common(root: Path, base: str) -> str:
    """The newest commit that HEAD and `base` have in common."""
    head = git.head(root)
    words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"]
    named = run(["git", *words], cwd=root, check=False)
    if named.status != 0:
        raise ConfigurationError(
            f"--base: {base} is no commit of this clone.",
            "Fetch it: git fetch origin, or in a workflow actions/checkout with `fetch-depth: 0`.",
        )
    common = run(["git", "merge-base", named.stdout.strip(), head], cwd=root, check=False)
    if common.status != 0:
        raise ConfigurationError(
            f"--base: {base} and HEAD have no commit in common in this clone.",
            "Fetch the history: git fetch --unshallow, or in a workflow actions/checkout with `fetch-depth: 0`.",
        )
    return common.stdout.strip()


def _changed(root: Path, commit: str) -> Iterable[str]:
    """The files that differ from a commit, each by its own name: of one that was moved both names."""
    differing = git.entries(
        *(
            "--no-replace-objects",
            "diff",
            "--name-only",
            "-z",
            "--no-renames",
            "--no-ext-diff",
            "--no-relative",
        ),
        *("--ignore-submodules=none", commit, "--"),
        cwd=root,
    )
    # By the repository's own .gitignore, not by what a person ignores besides.
    untracked = git.entries("ls-files", "-z", "--others", "--exclude-per-directory=.gitignore", cwd=root)
    return sorted({*differing, *untracked})
