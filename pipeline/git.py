"""What git says of the repository in the current folder."""

import re
from pathlib import Path

from pipeline.errors import ConfigurationError, ToolError
from pipeline.run import run

COMMIT = re.compile(r"[0-9a-f]{40}")


def git(*words: str, cwd: Path | None = None) -> str:
    """What a git command prints, without the last line end. Raises ToolError."""
    return run(["git", *words], cwd=cwd).stdout.rstrip("\n")


def head(cwd: Path | None = None) -> str:
    """The commit of HEAD, 40 hexadecimal digits. Raises ConfigurationError outside of a repository."""
    try:
        return git("rev-parse", "--verify", "HEAD^{commit}", cwd=cwd)
    except ToolError as error:
        raise ConfigurationError(
            f"{cwd or Path.cwd()} is not a git repository with a commit.", "Run in a clone, and commit first."
        ) from error


def exists(commit: str, cwd: Path | None = None) -> bool:
    """Whether this clone holds `commit`."""
    return run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=cwd, check=False).status == 0


def is_ancestor(older: str, newer: str, cwd: Path | None = None) -> bool:
    """Whether `newer` contains `older`. Both must be in this clone; raises ToolError when one isn't."""
    done = run(["git", "merge-base", "--is-ancestor", older, newer], cwd=cwd, check=False)
    if done.status not in (0, 1):
        raise ToolError(f"git can't compare {older} with {newer}: {done.stderr.strip()}.")
    return done.status == 0
