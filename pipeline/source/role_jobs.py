"""The jobs that hold a role, and what they may run: policies/role_jobs.toml."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.source import duties
from pipeline.source.project import Project
from pipeline.source.runs import may_ask, runs
from pipeline.source.workflows import Job

FILE = CHECKOUT / "policies/role_jobs.toml"
_CREDENTIALS = "aws-actions/configure-aws-credentials"
_KEYS = re.compile(r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|WEB_IDENTITY_TOKEN_FILE|PROFILE)")


@dataclass(frozen=True)
class ListedAction:
    """What an action of others may be given: `inputs` must be given and fit, those of `may` fit where they are given,
    and those of `never` may not be given; where there is `only`, no other."""

    inputs: Mapping[str, re.Pattern[str]]
    may: Mapping[str, re.Pattern[str]]
    never: Sequence[str]
    only: Sequence[str]


@dataclass(frozen=True)
class Listed:
    """The list: how scripts start, what they call and write, and the actions, by name in lower case."""

    shells: Sequence[str]
    expressions: Sequence[str]
    writes: Sequence[re.Pattern[str]]
    variables_never: Sequence[re.Pattern[str]]
    commands: Mapping[str, re.Pattern[str]]
    actions: Mapping[str, ListedAction]
    recipes: Sequence[re.Pattern[str]]
    recipe_writes: Sequence[re.Pattern[str]]


@cache
def listed(path: Path = FILE) -> Listed:
    """The list in a file. Raises ConfigurationError when it can't be read as one."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return Listed(
            shells=tuple(data["shells"]),
            expressions=tuple(data["expressions"]),
            writes=_patterns(data["writes"]),
            variables_never=_patterns(data["variables_never"]),
            commands={name: re.compile(pattern, re.DOTALL) for name, pattern in data["commands"].items()},
            actions={name.lower(): _action(body) for name, body in data["actions"].items()},
            recipes=_patterns(data["recipes"]["commands"]),
            recipe_writes=_patterns(data["recipes"]["writes"]),
        )
    except (OSError, KeyError, TypeError, AttributeError, ValueError, re.error) as error:
        raise ConfigurationError(
            f"{path} is no list of what jobs with a role may run: {type(error).__name__}: {error}",
            "It holds shells, expressions, writes, variables_never, [commands], [actions] and [recipes].",
        ) from error


def _patterns(listed: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(one) for one in listed)


def _action(body: Mapping[str, Any]) -> ListedAction:
    inputs, may = (
        {name: re.compile(pattern) for name, pattern in body.get(key, {}).items()}
        for key in ("inputs", "may")
    )
    return ListedAction(inputs, may, tuple(body.get("never", ())), tuple(body.get("only", ())))


def jobs(project: Project) -> list[Job]:
    """The jobs that can ask for a token, enter an environment or are given credentials, by whatever event."""
    asking = {(run.job.workflow.file, run.job.id) for run in runs(project) if run.asks}
    return [
        job
        for workflow in project.workflows
        for job in workflow.jobs
        if (workflow.file, job.id) in asking or _holds(project, job)
    ]


def _holds(project: Project, job: Job) -> bool:
    steps = list(duties.steps(project, job))
    given = [job.workflow.data, job.body, *(step.body for step in steps)]
    return (
        (may_ask(job) and job.permissions != "default")
        or bool(job.environment)
        or any(step.uses.lower().startswith(_CREDENTIALS) for step in steps)
        or any(_KEYS.fullmatch(str(name)) for body in given for name in duties.mapping(body.get("env")))
    )
