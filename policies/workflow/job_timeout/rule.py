"""Jobs without a limit, or with one that is none."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    most = project.settings.number("limits.job_minutes")
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
            elif isinstance(limit, int | float) and limit > most:
                line = job.line("timeout-minutes")
                yield Violation(
                    f"job {job.id} may run {limit} minutes, more than {most}",
                    workflow.file,
                    line,
                    fact=f"{job.id}: timeout-minutes",
                )
