"""Code of the gate that is not what policies/gate.lock says, or that it doesn't name."""

from collections.abc import Iterator

from pipeline.gate import lock
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    now = lock.digests(project.files)
    if not any(path.startswith("pipeline/gate/") for path in now):
        return  # judged by a gate that lies elsewhere
    locked = lock.read(project.text(lock.FILE))
    for path, digest in now.items():
        if path not in locked:
            yield Violation(f"{path} is not in {lock.FILE}", path, 1, fact=f"unlocked {digest[:12]}")
        elif locked[path][0] != digest:
            yield Violation(f"{path} is not as {lock.FILE} has it", path, 1, fact=f"changed {digest[:12]}")
    for path, (_, number) in locked.items():
        if path not in now:
            yield Violation(f"{path} is gone", lock.FILE, number, fact=path)
