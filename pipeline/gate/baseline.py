"""Findings of mypy that code which came in may keep for now: a list that can only become shorter.

Each stands there with file, code and message, and without a line, since lines move. What is new is a finding; so is an
entry whose finding is gone, and a number in the settings that isn't the list's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.gate.findings import Finding
from pipeline.gate.parts import is_application
from pipeline.source import settings
from pipeline.source.project import Project

FILE = "policies/mypy-baseline.txt"
COMMAND = "bin/pipeline baseline --write"
RULE = "mypy/baseline"
_HEAD = (
    "# Findings of mypy that code which came in may keep for now, a line each: FILE: CODE: MESSAGE. Written by\n"
    f"# `{COMMAND}`, which takes lines out; mypy_baseline of {settings.FILE} is their number.\n"
)
_ENTRY = re.compile(r"(?P<file>[^:\s][^:]*): (?P<code>[a-z0-9-]+): (?P<message>\S.*)")
_NUMBER = re.compile(rf"^(?P<key>{settings.BASELINE}\s*=\s*)\d+", re.MULTILINE)


def entries(text: str) -> list[tuple[str, int]]:
    """The entries of a list, each with its line from 1: whatever isn't empty or a comment."""
    return [
        (row, number)
        for number, row in enumerate(text.splitlines(), 1)
        if row.strip() and not row.startswith("#")
    ]


def entry(finding: Finding) -> str:
    """A finding as it stands in the list: nothing in it moves with the lines of a file."""
    message = re.sub(r"\bline \d+", "line N", " ".join(finding.message.split()))
    return f"{finding.file}: {finding.rule.removeprefix('mypy/')}: {message}"


def apply(findings: Sequence[Finding], project: Project) -> Iterator[Finding]:
    """What is left to mend: the findings that aren't listed, and what is wrong with the list."""
    listed = entries(project.text(FILE))
    kept = Counter(row for row, _ in listed)
    for finding in findings:
        name = entry(finding)
        if _may_be_kept(finding, project) and kept[name]:
            kept[name] -= 1
        else:
            yield finding
    for row, number in reversed(listed):  # of several alike the last ones are too many
        found = _ENTRY.fullmatch(row)
        if found is None:
            yield _wrong(number, row, "is no entry: FILE: CODE: MESSAGE")
        elif not is_application(found["file"], project.described.folders):
            yield _wrong(
                number, row, f"{found['file']} is not the application's code: mend the finding itself"
            )
        elif kept[row]:
            kept[row] -= 1
            yield _wrong(number, row, f"nothing is found any more of: {row}")
    yield from _number(project, len(listed))


def kept(findings: Iterable[Finding], project: Project, *, more: bool) -> list[str]:
    """The list as it should be: without what is gone; with `more` also with what is new. Sorted."""
    found = Counter(entry(one) for one in findings if _may_be_kept(one, project))
    before = Counter(row for row, _ in entries(project.text(FILE)))
    return sorted((found if more else found & before).elements())


def written(listed: Sequence[str]) -> str:
    """The content of the file."""
    return _HEAD + "".join(f"{row}\n" for row in listed)


def lowered(text: str, number: int) -> str:
    """The settings' text with this number of findings: the line stays as it is written otherwise."""
    return _NUMBER.sub(rf"\g<key>{number}", text, count=1)


def _may_be_kept(finding: Finding, project: Project) -> bool:
    return is_application(finding.file, project.described.folders)


def _number(project: Project, listed: int) -> Iterator[Finding]:
    """The number is security's: without it the list could grow with nobody asked."""
    allowed, document = project.settings.number(settings.BASELINE), project.settings.document
    if listed == allowed:
        return
    line = document.line(settings.BASELINE) if document is not None else 1
    if listed > allowed:
        more = "Mend what is new. Code that comes in as it is: its owners let security raise the number."
        message = f"{FILE} has {listed} entries, and {settings.BASELINE} is {allowed}"
    else:
        more = f"Run: {COMMAND}"
        message = (
            f"{settings.BASELINE} is {allowed}, and {FILE} has {listed} entries: the room is not for new ones"
        )
    one = _wrong(line, "the number of entries", message)
    yield replace(one, file=settings.FILE, remediation=more)


def _wrong(line: int, fact: str, message: str) -> Finding:
    return Finding(
        rule=RULE,
        title="The list of what mypy may find is what it finds",
        severity="medium",
        tool="mypy",
        file=FILE,
        line=line,
        fact=fact,
        message=message,
        remediation=f"Run: {COMMAND}",
    )
