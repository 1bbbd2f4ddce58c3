"""Write permissions that nothing in the job uses."""

from collections.abc import Iterator

from pipeline.source.duties import calls
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.violations import Violation

# By permission: the actions, and the words of commands, that need to write it.
_USES = {
    "id-token": ("aws-actions/configure-aws-credentials", "actions/attest", "sigstore/", "pypa/"),
    "security-events": ("github/codeql-action/",),
    "attestations": ("actions/attest",),
    "pages": ("actions/deploy-pages",),
}
_WORDS = {
    "contents": (("release", "publish"),),
    "pull-requests": (("plan", "--comment"),),
    "issues": (("drift", "--issue"),),
}


def check(project: Project) -> Iterator[Violation]:
    asked: dict[tuple[str, int, str, str], bool] = {}
    for run in runs(project):
        for job in run.jobs:
            for name, right in job.permissions.items() if isinstance(job.permissions, dict) else ():
                if str(right) == "write":
                    line = job.line("permissions", name) if "permissions" in job.body else 0
                    line = line or job.workflow.line("permissions", name)
                    place = (job.workflow.file, line, job.id, name)
                    asked[place] = asked.get(place, False) or _needs(run, name)
    for (file, line, job_id, name), needed in asked.items():
        if not needed:
            yield Violation(
                f"job {job_id} may write {name}, and nothing in it does", file, line, fact=f"{job_id}: {name}"
            )


def _needs(run: Run, name: str) -> bool:
    if any(step.uses.lower().startswith(_USES.get(name, ())) for step in run.job.steps if step.uses):
        return bool(_USES.get(name))
    wanted = _WORDS.get(name, ())
    return any(set(words) <= set(one.words) for _, one in calls(run) for words in wanted)
