"""Actions that aren't pinned to a whole commit, or whose commit isn't the version that is said of it."""

import re
from collections.abc import Iterator

from pipeline.source.pins import VERSION, Use, known, uses
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_IMAGE = re.compile(r"docker://[^@\s]+@sha256:[0-9a-f]{64}")


def check(project: Project) -> Iterator[Violation]:
    for use in uses(project):
        if why := _why(use):
            yield Violation(why, use.file, use.line, fact=f"{use.written} {use.comment}")


def _why(use: Use) -> str:
    if use.written.startswith("docker://"):
        return (
            "" if _IMAGE.fullmatch(use.written) else f"{use.written} is another image tomorrow: add @sha256:"
        )
    if not use.commit:
        return f"{use.written} is whatever it names tomorrow: pin the 40 digits of a commit"
    short = f"{use.action}@{use.commit[:12]}"
    if not VERSION.fullmatch(use.comment):
        said = f"says {use.comment}" if use.comment else "says no version"
        return f"the comment beside {short} {said}: write the whole one, # vX.Y.Z"
    versions = known().get(use.action)
    if versions is None:
        return ""  # nothing is known of it, which pins_listed tells
    if use.commit not in versions:
        listed = ", ".join(f"{version} is {commit[:12]}" for commit, version in versions.items())
        return f"{short} is no commit that policies/actions.toml knows: {listed}"
    if versions[use.commit] != use.comment:
        return f"{short} is {versions[use.commit]}, and the comment says {use.comment}"
    return ""
