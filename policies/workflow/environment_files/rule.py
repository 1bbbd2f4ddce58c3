"""Scripts that write variables into GITHUB_ENV or GITHUB_PATH, or evaluate them."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_FILE = re.compile(r"""(>>?\s*|\btee\s+(-a\s+)?)["']?\$\{?(GITHUB_ENV|GITHUB_PATH)\}?""")
_OTHERWISE = re.compile(r"(environ\w*|getenv|ENV)\W{1,3}(GITHUB_ENV|GITHUB_PATH)\b")
_COMMAND = re.compile(r"::(set-env|add-path)\b")
_EVALUATED = re.compile(r"""\beval\b.*[$`]|\b(ba|z)?sh\s+-c\s+["']?\$""")
_VARIABLE = re.compile(r"[$`]")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            for row in step.run.splitlines():
                if why := _why(row, step.run):
                    line = step.line_of(row.strip(), "run")
                    fact = f"{step.path}: {step.run if _is_block(row) else row}"
                    yield Violation(f"step {step.name!r} {why}", one.file, line, fact=fact)


def _why(row: str, script: str) -> str:
    if row.lstrip().startswith("#"):
        return ""
    if found := _FILE.search(row):
        # A block's or a here-document's text stands in other rows.
        written = row if _VARIABLE.search(_FILE.sub("", row)) or not _is_block(row) else script
        if _VARIABLE.search(_FILE.sub("", written)):
            return f"writes what a variable holds into {found[3]}"
    if not _FILE.search(row) and _OTHERWISE.search(row):
        return "hands a file of the runner's to a program, which may write anything into it"
    if found := _COMMAND.search(row):
        return f"uses ::{found[1]}, which any text that is printed can do too"
    return "evaluates what a variable holds" if _EVALUATED.search(row) else ""


def _is_block(row: str) -> bool:
    return row.strip().startswith(("}", "cat", "done", ")")) or "<<" in row
