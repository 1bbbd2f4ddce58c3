"""The plan of a change: both sides built, expanded and compared; no credential is needed."""

import itertools
import tempfile
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.base.run import run
from pipeline.delivery import bundle
from pipeline.plan import sources
from pipeline.plan.compare import compare
from pipeline.plan.model import Plan
from pipeline.source.project import APPLICATION, BOOTSTRAP

# What a bundle is made of: when none of it differs, neither do the archives.
_INPUTS = ("app", "rotation", "uv.lock", "pyproject.toml", "samconfig.toml", APPLICATION)


def make(repository: Path, ref: str) -> Plan:
    """The plan of merging HEAD onto `ref`. Raises ConfigurationError when a side can't be read."""
    head = git.head(repository)
    base = _base(repository, ref, head)
    before, after = sources.stacks(base, repository), sources.stacks(head, repository)
    if not after:
        raise ConfigurationError(f"{head} has no {APPLICATION} or no environment in samconfig.toml.")
    effects = tuple(
        compare(before.get(name), stack, before[name].environment.parameters if name in before else {})
        for name, stack in after.items()
    )
    return Plan(
        base,
        head,
        effects,
        _code(repository, base, head),
        tuple(_notes(repository, base, head, before.keys() - after.keys())),
    )


def _base(repository: Path, ref: str, head: str) -> str:
    """Where the change left `ref`, so that what others merged since is no part of it."""
    done = run(["git", "merge-base", "--end-of-options", ref, head], cwd=repository, check=False)
    if done.status != 0:
        raise ConfigurationError(
            f"{ref} and {head} have no common commit here.",
            "Name a branch or commit of this clone, and fetch the whole history (fetch-depth: 0).",
        )
    return done.stdout.strip()


def _code(repository: Path, base: str, head: str) -> dict[str, tuple[str, str]]:
    """Each archive's digest before and after; both are built, unless nothing they are made of differs."""
    if _same(repository, base, head):
        return dict.fromkeys(bundle.CODE, ("unchanged", "unchanged"))
    with tempfile.TemporaryDirectory(prefix="plan-") as scratch:
        new = bundle.build(repository, Path(scratch) / "head", head).files
        try:
            old = bundle.build(repository, Path(scratch) / "base", base).files
        except (ConfigurationError, ToolError):  # a base that can't be built has no code to compare with
            old = dict.fromkeys(bundle.CODE, "")
    return {name: (old[name], new[name]) for name in bundle.CODE}


def _same(repository: Path, base: str, head: str) -> bool:
    words = ["git", "diff", "--quiet", base, head, "--", *_INPUTS]
    return run(words, cwd=repository, check=False).status == 0


def _notes(repository: Path, base: str, head: str, gone: set[str]) -> list[str]:
    """What a plan of the application's stack can't show by itself."""
    notes = []
    if sources.content(base, BOOTSTRAP, repository) != sources.content(head, BOOTSTRAP, repository):
        notes.append(
            f"{BOOTSTRAP} differs: an administrator of each account has to deploy it, before this is merged."
        )
    words = ("diff", "--no-renames", "--name-status", "-z", base, head, "--", "app/migrations")
    notes += [
        f"Schema migration: {status} {name}"
        for status, name in itertools.batched(git.entries(*words, cwd=repository), 2, strict=True)
    ]
    notes += [
        f"The environment {name} is no longer in samconfig.toml: its stack stays as it is."
        for name in sorted(gone)
    ]
    if run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=repository).stdout:
        notes.append("The work tree holds changes that are not committed; they are no part of this plan.")
    return notes
