"""GitHub's settings, where a token is at hand: what differs from the files of .github."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.delivery import hosting
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG, Remark

GITHUB = "GitHub"
_WITH = 'GITHUB_TOKEN="$(gh auth token)" bin/pipeline'


def look(root: Path) -> Iterator[Remark]:
    """A remark a setting that differs; nothing is changed. Without a token that may look it says so."""
    if not os.environ.get("GITHUB_TOKEN"):
        told = "not looked at: GITHUB_TOKEN is not set"
        yield Remark(GITHUB, "settings", NOTE, told, f"With a person's who may administer: {_WITH} doctor")
        return
    try:
        found = list(hosting.compared(root))
    except PipelineError as error:
        yield Remark(GITHUB, "settings", UNKNOWN, error.message, error.hint or f"Run: {_WITH} github check")
        return
    for one in found:
        told = "there is none" if one.found is None else "is not as .github has it"
        yield Remark(
            GITHUB, one.what, WRONG, told, f"See it, then set it: {_WITH} github check, github setup"
        )
    if not found:
        yield Remark(GITHUB, "settings", OK, "as .github has them")
