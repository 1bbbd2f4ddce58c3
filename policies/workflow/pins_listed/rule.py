"""Actions of others that nobody has put on the list of known commits."""

from collections.abc import Iterator

from pipeline.source.pins import known, uses
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    for use in uses(project):
        if use.commit and use.action not in known():
            line = f'["{use.action}"] "{use.comment or "vX.Y.Z"}" = "{use.commit}"'
            yield Violation(
                f"nothing is known of {use.action}: look at it, and add {line} to policies/actions.toml",
                use.file,
                use.line,
                fact=use.written,
            )
