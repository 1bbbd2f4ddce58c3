"""Whose a file is: the application's, which a team changes, or the engine's; and whose tests a change asks for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from pipeline.source import application
from pipeline.source.application import Application

# The application's, and nothing else is: a file that nobody thought of is the engine's, so that all tests run.
FILES = frozenset(
    (
        *("template.yaml", "samconfig.toml", ".github/CODEOWNERS", "CODEOWNERS"),
        *(
            "policies/waivers.toml",
            "policies/settings.toml",
            "policies/freezes.toml",
            "policies/adoptions.toml",
            "policies/mypy-baseline.txt",
        ),
    )
)
TESTS = "tests/application"
# Beside them the folders of its code, as samconfig.toml names them; but these never, whatever it says.
FOLDERS = ("docs", TESTS)
ENGINE = ("benchmarks", "bin", "bootstrap", "pipeline", "policies", "rotation", "sandbox", "tests")
# The modules of app/ that carry any application. The engine's tests are about them.
PLATFORM = frozenset(
    (
        *(
            "__init__",
            "aws",
            "beside",
            "body",
            "cloudformation",
            "config",
            "cors",
            "database",
            "fields",
            "health",
            "identity",
        ),
        *(
            "log",
            "migrate",
            "mount",
            "paging",
            "problems",
            "rds",
            "roles",
            "schema",
            "secret",
            "secret_key",
            "secrets_manager",
            "senders",
        ),
        *("signing", "sigv4", "state", "static", "wsgi"),
    )
)
NEW = "0" * 40  # what an event gives as the commit before, of a branch that is new


def is_application(file: str, code: Collection[str]) -> bool:
    """Whether a file, by its path in the repository, is the application's; `code` are the folders that it ships."""
    folders, name = file.split("/")[:-1], file.rsplit("/", 1)[-1]
    if file in FILES:
        return True
    if any(part.startswith(".") for part in (*folders, name)):
        return False  # what git, editors and tools heed
    if folders[:1] == ["app"] and file.split("/")[1].partition(".")[0] in PLATFORM:
        return False
    own = [folder for folder in code if folder.partition("/")[0] not in ENGINE]
    inside = any(file.startswith(f"{folder}/") for folder in (*FOLDERS, *own))
    return inside or (not folders and name.endswith(".md"))


@dataclass(frozen=True)
class Scope:
    """Whose tests run: the application's always, the engine's with `engine`; and why, in words."""

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
