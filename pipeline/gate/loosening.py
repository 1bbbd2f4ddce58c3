"""What a change lets pass that its base held: settings of the gate, and findings that are let be."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pipeline.base.run import run
from pipeline.gate import baseline, parts
from pipeline.source import settings
from pipeline.source.located import DocumentError, parse
from pipeline.source.project import Project
from pipeline.source.settings import Loosened, Settings

_FILES = (settings.FILE, baseline.FILE)
_MOST = 3  # entries of a list that are named


def at(commit: str, root: Path) -> dict[str, str]:
    """The files that say it, as a commit has them; without one that it lacks."""
    shown = {file: run(["git", "show", f"{commit}:{file}"], cwd=root, check=False) for file in _FILES}
    return {file: done.stdout for file, done in shown.items() if done.status == 0}


def against(project: Project, base: str | None) -> tuple[Loosened, ...] | None:
    """What the work tree lets pass that the commit held where it left `base`; None without a base.

    Raises ConfigurationError where `base` is no commit of this clone, or has none in common with HEAD.
    """
    if not base or base == parts.NEW or not (project.root / ".git").exists():
        return None
    return between(
        at(parts.common(project.root, base), project.root),
        {file: project.text(file) for file in _FILES if file in project.files},
    )


def between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Loosened, ...]:
    """What the files in `after` let pass that those in `before` held, each file's text by its name."""
    old, new = ([row for row, _ in baseline.entries(one.get(baseline.FILE, ""))] for one in (before, after))
    added = sorted((Counter(new) - Counter(old)).elements())
    found = settings.loosened(_settings(before), _settings(after))
    if not added:
        return found
    more = f"; and {len(added) - _MOST} more" if len(added) > _MOST else ""
    named = f"{len(new)} findings, new ones: {'; '.join(added[:_MOST])}{more}"
    return (*found, Loosened(baseline.FILE, f"{len(old)} findings", named))


def _settings(texts: Mapping[str, str]) -> Settings:
    """A file that can't be read lets nothing pass; that it can't be is another finding."""
    try:
        return Settings(parse(texts[settings.FILE], settings.FILE) if settings.FILE in texts else None)
    except DocumentError:
        return Settings(None)
