"""Artifacts that take in the work tree or the home folder."""

import re
from collections.abc import Iterator

from pipeline.source.duties import mapping
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_WIDE = re.compile(
    r"\.?/?|\.\.(/.*)?|~(/.*)?|/.*|\*+(/\*+)*|\./\*+.*|\$\{\{\s*(github\.workspace|runner\.temp|env\.HOME).*\}\}/?\**"
    r"|\$(HOME|GITHUB_WORKSPACE).*|(.*/)?\.(git|aws|ssh|env)(/.*)?"
)


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            if not step.uses.lower().startswith(
                ("actions/upload-artifact", "actions/cache", "actions/upload-")
            ):
                continue
            given = mapping(step.body.get("with"))
            for path in str(given.get("path", "")).split("\n"):
                if path.strip() and _WIDE.fullmatch(path.strip()):
                    line = step.line("with", "path")
                    yield Violation(
                        f"step {step.name!r} keeps {path.strip()}",
                        one.file,
                        line,
                        fact=f"{step.path}: {path.strip()}",
                    )
            if str(given.get("include-hidden-files", "")).lower() == "true":
                line = step.line("with", "include-hidden-files")
                yield Violation(
                    f"step {step.name!r} keeps hidden files",
                    one.file,
                    line,
                    fact=f"{step.path}: include-hidden-files",
                )
