"""The actions of others that workflows use, and what is known of their commits: policies/actions.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.source.located import Document, Place
from pipeline.source.project import Project
from pipeline.source.runs import own
from pipeline.source.workflows import Action, Workflow, WorkflowStep

FILE = CHECKOUT / "policies/actions.toml"
VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WRITTEN = re.compile(r"""\buses["']?\s*:\s*["']?([\w.-]+/[\w./-]+@[0-9a-f]{40})\b""")
_COMMENT = re.compile(r"\s#\s*(\S+)")
# Examples of faults aren't used by anybody.
_EXAMPLES = ("policies/", "tests/")


@dataclass(frozen=True)
class Use:
    """One `uses` of an action or workflow of elsewhere, as written; `comment` is the first word behind it."""

    file: str
    line: int
    written: str
    comment: str

    @property
    def action(self) -> str:
        """OWNER/REPOSITORY, in lower case as GitHub compares it."""
        return "/".join(self.written.partition("@")[0].lower().split("/")[:2])

    @property
    def commit(self) -> str:
        """The whole commit that it is pinned to; empty for a tag, a branch or an image."""
        reference = self.written.partition("@")[2]
        return reference if _COMMIT.fullmatch(reference) else ""

    @property
    def version(self) -> tuple[int, ...]:
        """The version that is used, as numbers: of the known commit, else as it is written; empty for none."""
        named = known().get(self.action, {}).get(self.commit) or self.comment
        numbers = re.fullmatch(
            r"v(\d+(\.\d+){0,2})", named if self.commit else self.written.partition("@")[2]
        )
        return tuple(int(part) for part in numbers[1].split(".")) if numbers else ()


@cache
def known(path: Path = FILE) -> Mapping[str, Mapping[str, str]]:
    """By action the version that each commit is. Raises ConfigurationError when the list can't be read as one."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        wrong = [
            f"{action} {version}"
            for action, versions in data.items()
            for version, commit in versions.items()
            if not VERSION.fullmatch(version) or not _COMMIT.fullmatch(str(commit))
        ]
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} can't be read: {error}", 'Each table is ["OWNER/REPOSITORY"].'
        ) from error
    if wrong:
        raise ConfigurationError(
            f"{path}: {wrong[0]} is no whole version with a whole commit",
            'Write "vX.Y.Z" = "40 hexadecimal digits".',
        )
    return {
        action.lower(): {str(commit): version for version, commit in versions.items()}
        for action, versions in data.items()
    }


def uses(project: Project) -> Iterator[Use]:
    """Every use in workflows and actions, and each pin in other YAML files, such as templates of workflows.

    Not a call of this repository's own workflows: by a pin, a role would have to let in whatever is pinned.
    """
    for one in project.automations:
        yield from _structured(project, one)
    read = {one.file for one in project.automations}
    for file in project.files:
        if file.endswith((".yml", ".yaml")) and file not in read and not file.startswith(_EXAMPLES):
            for number, row in enumerate(project.text(file).splitlines(), 1):
                if found := _WRITTEN.search(row):
                    yield _use(file, number, found[1], row)


def of_step(step: WorkflowStep) -> Use:
    """What a step uses, which is nothing of its own."""
    return _at(step.document, step.uses, (*step.place, "uses"))


def _structured(project: Project, one: Workflow | Action) -> Iterator[Use]:
    places: list[tuple[str, Place]] = [(step.uses, (*step.place, "uses")) for step in one.steps]
    if isinstance(one, Workflow):
        places += [(job.uses, (*job.place, "uses")) for job in one.jobs if not own(project, job.uses)]
    else:
        runs = one.data.get("runs")
        image = str(runs.get("image", "")) if isinstance(runs, dict) else ""
        places += [(image, ("runs", "image"))] if image.startswith("docker://") else []
    for written, place in places:
        if written and not written.startswith("./"):
            yield _at(one.document, written, place)


def _at(document: Document, written: str, place: Place) -> Use:
    line = document.line(*place)
    return _use(document.file, line, written, document.rows[line - 1])


def _use(file: str, line: int, written: str, row: str) -> Use:
    comment = _COMMENT.search(row.partition(written)[2])
    return Use(file, line, written, comment[1] if comment else "")
