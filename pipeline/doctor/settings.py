"""GitHub's settings, where a token is at hand: what differs from the files of .github, and what is switched on."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.base import github
from pipeline.base.errors import PipelineError
from pipeline.base.github import AbsentError
from pipeline.delivery import hosting
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG, Remark

GITHUB = "GitHub"
# Variables of the repository that are `on` or not: what each does, and what a private repository needs for it.
_SWITCHES = {
    "CODE_SCANNING": ("findings stand under Security", "GitHub Code Security"),
    "DEPENDENCY_REVIEW": ("known weaknesses keep a pull request out", "GitHub Code Security"),
    "ATTESTATIONS": ("GitHub attests each bundle, and a release asks for it", "GitHub Enterprise Cloud"),
}
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
    for name in _SWITCHES:
        yield _switch(name)


def _switch(name: str) -> Remark:
    """Whether a variable of the repository switches on what it is for; workflows compare without regard to case."""
    does, plan = _SWITCHES[name]
    try:
        value = str(github.ask("GET", f"actions/variables/{name}", None)["value"])
    except AbsentError:
        value = ""
    except PipelineError as error:
        return Remark(GITHUB, name, UNKNOWN, error.message, error.hint or "The token must read variables.")
    if value.lower() == "on":
        return Remark(GITHUB, name, OK, f"on: {does}")
    told = "off" if not value else f"off: it is {value!r}, and only `on` counts"
    resolve = f"With it {does}. A private repository needs {plan}: gh variable set {name} --body on"
    return Remark(GITHUB, name, NOTE, told, resolve)
