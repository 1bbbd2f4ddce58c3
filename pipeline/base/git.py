"""What git says of the repository in the current folder."""

import re
from pathlib import Path

from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.base.run import run

COMMIT = re.compile(r"[0-9a-f]{40}")


def git(*words: str, cwd: Path | None = None) -> str:
    """What a git command prints, without the last line end. Raises ToolError."""
    return run(["git", *words], cwd=cwd).stdout.removesuffix("\n")


def entries(*words: str, cwd: Path | None = None) -> list[str]:
    """What a git command prints with a NUL after each entry (`-z`): nothing else ends a name or a subject.

    A line end may stand in both, and so may what `str.splitlines` heeds, such as U+2028. Raises ToolError.
    """
    return run(["git", *words], cwd=cwd).stdout.split("\0")[:-1]


def tags(*words: str, cwd: Path | None = None) -> list[tuple[str, str]]:
    """The type of the object (`tag` when annotated) and the name of each tag that `git tag` lists with `words`.

    Raises ToolError. A name holds no blank, no NUL and no line end (git-check-ref-format), but it may hold U+2028.
    """
    listed = git("tag", *words, "--format=%(objecttype) %(refname:strip=2)", cwd=cwd)
    return [(kind, name) for kind, _, name in (row.partition(" ") for row in listed.split("\n")) if name]


def head(cwd: Path | None = None) -> str:
    """The commit of HEAD, 40 hexadecimal digits. Raises ConfigurationError outside of a repository."""
    try:
        return git("rev-parse", "--verify", "HEAD^{commit}", cwd=cwd)
    except ToolError as error:
        raise ConfigurationError(
            f"{cwd or Path.cwd()} is not a git repository with a commit.", "Run in a clone, and commit first."
        ) from error


def branch(name: str, cwd: Path | None = None) -> str | None:
    """The ref of a branch: as it was fetched, else as it is here; None where this clone has neither."""
    for ref in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
        if run(["git", "rev-parse", "--verify", "--quiet", ref], cwd=cwd, check=False).status == 0:
            return ref
    return None


def exists(commit: str, cwd: Path | None = None) -> bool:
    """Whether this clone holds `commit`."""
    return run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=cwd, check=False).status == 0


def is_ancestor(older: str, newer: str, cwd: Path | None = None) -> bool:
    """Whether `newer` contains `older`. Both must be in this clone; raises ToolError when one isn't."""
    done = run(["git", "merge-base", "--is-ancestor", older, newer], cwd=cwd, check=False)
    if done.status not in (0, 1):
        raise ToolError(f"git can't compare {older} with {newer}: {done.stderr.strip()}.")
    return done.status == 0
