"""The plan of a change: both sides built, expanded and compared; no credential is needed."""

import itertools
import tempfile
from collections.abc import Collection
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.base.run import run
from pipeline.delivery import bundle
from pipeline.gate import loosening
from pipeline.plan import judging, sources
from pipeline.plan.compare import compare
from pipeline.plan.model import Plan
from pipeline.source import application
from pipeline.source.application import Application
from pipeline.source.configuration import FILE
from pipeline.source.project import APPLICATION, BOOTSTRAP

# What a bundle is made of beside the folders of code: when none of it differs, neither do the archives.
_INPUTS = ("uv.lock", "pyproject.toml", FILE, APPLICATION)


def make(repository: Path, ref: str) -> Plan:
    """The plan of merging HEAD onto `ref`. Raises ConfigurationError when a side can't be read."""
    head = git.head(repository)
    base = _base(repository, ref, head)
    before, after = sources.stacks(base, repository), sources.stacks(head, repository)
    if not after:
        raise ConfigurationError(f"{head} has no {APPLICATION} or no environment in samconfig.toml.")
    now = application.of(head, repository, application.read(repository))
    folders = sorted({*now.folders, *application.of(base, repository, now).folders})
    effects = tuple(
        compare(before.get(name), stack, before[name].environment.parameters if name in before else {})
        for name, stack in after.items()
    )
    return Plan(
        base,
        head,
        effects,
        _code(repository, base, head, now, folders),
        tuple(_notes(repository, base, head, folders, before.keys() - after.keys())),
        loosening.between(loosening.at(base, repository), loosening.at(head, repository)),
        judging.between(repository, base, head),
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


def _code(
    repository: Path, base: str, head: str, now: Application, folders: Collection[str]
) -> dict[str, tuple[str, str]]:
    """Each archive's digest before and after; both are built, unless nothing they are made of differs."""
    if _same(repository, base, head, folders):
        return {one.archive: ("unchanged", "unchanged") for one in now.code.values()}
    with tempfile.TemporaryDirectory(prefix="plan-") as scratch:
        new = _archives(bundle.build(repository, Path(scratch) / "head", head))
        try:
            old = _archives(bundle.build(repository, Path(scratch) / "base", base))
        except (ConfigurationError, ToolError):  # a base that can't be built has no code to compare with
            old = {}
    return {name: (old.get(name, ""), new.get(name, "")) for name in sorted(old | new)}


def _archives(made: bundle.Bundle) -> dict[str, str]:
    return {name: made.files[name] for name in made.archives}


def _same(repository: Path, base: str, head: str, folders: Collection[str]) -> bool:
    words = ["git", "diff", "--quiet", base, head, "--", *folders, *_INPUTS]
    return run(words, cwd=repository, check=False).status == 0


def _notes(repository: Path, base: str, head: str, folders: Collection[str], gone: set[str]) -> list[str]:
    """What a plan of the application's stack can't show by itself."""
    notes = []
    if sources.content(base, BOOTSTRAP, repository) != sources.content(head, BOOTSTRAP, repository):
        notes.append(
            f"{BOOTSTRAP} differs: an administrator of each account has to deploy it, before this is merged."
        )
    migrations = [f":(glob){folder}/**/migrations/*.sql" for folder in folders]
    words = ("diff", "--no-renames", "--name-status", "-z", base, head, "--")
    notes += [
        f"Schema migration: {status} {name}"
        for status, name in itertools.batched(
            git.entries(*words, *migrations, cwd=repository), 2, strict=True
        )
    ]
    notes += [
        f"The environment {name} is no longer in samconfig.toml: its stack stays as it is."
        for name in sorted(gone)
    ]
    if run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=repository).stdout:
        notes.append("The work tree holds changes that are not committed; they are no part of this plan.")
    return notes
