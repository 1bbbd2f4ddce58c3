"""One action pinned to several commits, or one commit under several versions."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation

_PIN = re.compile(r"\buses:\s*[\"']?([\w.-]+/[\w./-]+)@([0-9a-f]{40})\b[\"']?\s*(?:#\s*(\S+))?")
_FILES = re.compile(r"\.github/.*\.ya?ml")


class _Pin(NamedTuple):
    file: str
    line: int
    action: str  # OWNER/REPOSITORY
    commit: str
    version: str  # as the comment has it


def check(project: Project) -> Iterator[Violation]:
    pins = list(_pins(project))
    for pin in pins:
        same = [one for one in pins if one.action == pin.action]
        usual, times = Counter(one.commit for one in same).most_common(1)[0]
        first = next(one.version for one in same if one.commit == pin.commit)
        if pin.commit != usual:
            text = f"{pin.action} is commit {pin.commit[:12]} here, and {usual[:12]} in {times} other places"
            yield Violation(text, pin.file, pin.line)
        elif pin.version != first:
            what, other = pin.version or "no version", first or "none"
            text = f"{pin.action}@{pin.commit[:12]} is {what} here, and {other} elsewhere"
            yield Violation(text, pin.file, pin.line)


def _pins(project: Project) -> Iterator[_Pin]:
    for file in sorted(filter(_FILES.fullmatch, project.files)):
        for number, row in enumerate(project.text(file).splitlines(), 1):
            if found := _PIN.search(row):
                action = "/".join(found[1].lower().split("/")[:2])
                yield _Pin(file, number, action, found[2], found[3] or "")
