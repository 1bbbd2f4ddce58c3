"""Jobs without a limit, or with one that is none."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_MOST = 60


def check(project: Project) -> Iterator[Violation]:
    for workflow in project.workflows:
        for job in workflow.jobs:
            if job.uses:
                continue
            limit = job.body.get("timeout-minutes")
            if limit is None:
                yield Violation(
                    f"job {job.id} has no timeout-minutes",
                    workflow.file,
                    job.line(),
                    fact=f"{job.id}: timeout-minutes",
                )
            elif isinstance(limit, int | float) and limit > _MOST:
                line = job.line("timeout-minutes")
                yield Violation(
                    f"job {job.id} may run {limit} minutes",
                    workflow.file,
                    line,
                    fact=f"{job.id}: timeout-minutes",
                )
