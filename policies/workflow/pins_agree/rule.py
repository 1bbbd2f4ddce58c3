"""One action pinned to several commits, or one commit under several versions."""

import re
from collections import Counter
from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation

_PIN = re.compile(r"\buses:\s*[\"']?([\w.-]+/[\w./-]+)@([0-9a-f]{40})\b[\"']?\s*(?:#\s*(\S+))?")
_FILES = re.compile(r"\.github/.*\.ya?ml")


def check(project: Project) -> Iterator[Violation]:
    pins = [
        (file, number, "/".join(found[1].lower().split("/")[:2]), found[2], found[3] or "")
        for file in sorted(project.files)
        if _FILES.fullmatch(file)
        for number, row in enumerate(project.text(file).splitlines(), 1)
        if (found := _PIN.search(row))
    ]
    for file, number, action, commit, version in pins:
        usual, times = Counter(each[3] for each in pins if each[2] == action).most_common(1)[0]
        first = next(each[4] for each in pins if each[2:4] == (action, commit))
        if commit != usual:
            text = f"{action} is commit {commit[:12]} here, and {usual[:12]} in {times} other places"
            yield Violation(text, file, number)
        elif version != first:
            text = (
                f"{action}@{commit[:12]} is {version or 'no version'} here, and {first or 'none'} elsewhere"
            )
            yield Violation(text, file, number)
