"""Jobs on runners of one's own, or on whatever an expression names."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.runs import runs
from pipeline.source.violations import Violation

_HOSTED = ("ubuntu-", "windows-", "macos-")


def check(project: Project) -> Iterator[Violation]:
    found = []
    for run in runs(project):
        job = run.job
        label = job.body.get("runs-on", "")
        labels = label if isinstance(label, list) else [label]
        names = [] if isinstance(label, dict) else [name for one in labels for name in run.values(str(one))]
        if not names or not all(name.startswith(_HOSTED) for name in names):
            line = job.line("runs-on")
            found.append(
                Violation(f"job {job.id} runs on {label}", job.workflow.file, line, fact=f"{job.id}: {label}")
            )
    yield from dict.fromkeys(found)
