"""Sessions of roles that workflows become: longer than an hour, shorter than their job, or refused by AWS.

Source: AssumeRoleWithWebIdentity in the STS API reference (900 seconds up to the role's MaxSessionDuration),
MaxSessionDuration of CreateRole (3600 to 43200), and timeout-minutes in GitHub's workflow syntax (360 by default).
"""

import re
from collections.abc import Iterator

from pipeline.iam.matrix import roles
from pipeline.source.duties import mapping, steps
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.violations import Violation, at
from pipeline.source.workflows import WorkflowStep

_LONGEST = 3600  # seconds: what AWS gives without a word, as configure-aws-credentials does with a token
_LEAST_OF_ROLE, _MOST_OF_ROLE = 3600, 43200
_SHORTEST = 900
_NO_LIMIT = "360"  # minutes
_ACTION = "aws-actions/configure-aws-credentials"
_ASKED = "role-duration-seconds"


def check(project: Project) -> Iterator[Violation]:
    for role in roles(project):
        most = _seconds(str(role.get("MaxSessionDuration", default=_LONGEST)))
        if most is None or not _LEAST_OF_ROLE <= most <= _MOST_OF_ROLE:
            message = f"AWS takes {_LEAST_OF_ROLE} to {_MOST_OF_ROLE} seconds as the longest session"
            yield at(role, message, "MaxSessionDuration", fact="MaxSessionDuration")
        elif most > _LONGEST:
            yield at(
                role,
                f"sessions may last longer than {_LONGEST} seconds",
                "MaxSessionDuration",
                fact="MaxSessionDuration",
            )
    found = [
        violation
        for run in runs(project)
        for step in steps(project, run.job)
        if step.uses.lower().startswith(_ACTION)
        for violation in _step(run, step)
    ]
    yield from dict.fromkeys(found)


def _step(run: Run, step: WorkflowStep) -> Iterator[Violation]:
    written = str(mapping(step.body.get("with")).get(_ASKED, _LONGEST))
    for text in run.values(written):
        asked = _seconds(text)
        if asked is None:
            yield _at(
                step,
                f"asks for a session of {text}, and only the run knows how long that is",
                fact=f"{_ASKED} {text}",
            )
        elif asked > _LONGEST:
            yield _at(
                step,
                f"asks for {asked} seconds: the session lasts longer than {_LONGEST}",
                fact=f"{_ASKED} {text}",
            )
        elif asked < _SHORTEST:
            yield _at(
                step, f"asks for {asked} seconds, and AWS gives {_SHORTEST} at least", fact=f"{_ASKED} {text}"
            )
        else:
            yield from _against_the_job(run, step, asked)


def _against_the_job(run: Run, step: WorkflowStep, asked: int) -> Iterator[Violation]:
    """A job that may run on when its session has ended, in the middle of what it does."""
    for text in run.values(str(run.job.body.get("timeout-minutes", _NO_LIMIT))):
        minutes = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
        if minutes is None or minutes * 60 > asked:
            yield _at(
                step,
                f"has a session of {asked} seconds, and job {run.job.id} may run {text} minutes",
                fact=f"{_ASKED} {asked} for {text} minutes of {run.job.id}",
            )


def _seconds(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]+", text) else None


def _at(step: WorkflowStep, message: str, *, fact: str) -> Violation:
    place = ("with", _ASKED) if _ASKED in mapping(step.body.get("with")) else ("uses",)
    file, line = step.document.file, step.line(*place)
    return Violation(f"step {step.name!r} {message}", file, line, fact=f"{step.path}: {fact}")
