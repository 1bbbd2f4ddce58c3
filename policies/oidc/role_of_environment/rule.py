"""Jobs that take another role, region or audience than their environment's, or work on another environment."""

import re
from collections.abc import Iterator

from pipeline.iam.trust_policy import AUDIENCE
from pipeline.source.application import watch, watched
from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import commands
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_ACTION = "aws-actions/configure-aws-credentials"
_OUTPUT = re.compile(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.(\w+)\s*\}\}")
_OF_AN_ENVIRONMENT = ("environment", "deploy", "rollback", "drift")


def check(project: Project) -> Iterator[Violation]:
    known = {one.name: one for one in project.environments}
    seen = set()
    for run in runs(project):
        for violation in (*_credentials(project, run, known), *_commands(run)):
            if violation not in seen:
                seen.add(violation)
                yield violation


def _credentials(project: Project, run: Run, known: dict[str, Environment]) -> Iterator[Violation]:
    steps = [step for step in run.job.steps if step.uses.lower().startswith(_ACTION)]
    active = [step for step in steps if run.active(step.body) is not False]
    for extra in active[1:]:
        yield _at(run, extra, "takes a second role: a job has one", "uses", fact="a second role")
    for step in active:
        given = step.body.get("with")
        given = given if isinstance(given, dict) else {}
        for key, setting in (("role-to-assume", "role"), ("aws-region", "region")):
            if key not in given:
                yield _at(run, step, f"doesn't say {key}", "with", fact=f"no {key}")
            elif why := _wrong(project, run, str(given[key]), setting, known):
                yield _at(run, step, f"{key} {why}", "with", key, fact=f"{key} {given[key]}")
        if str(given.get("audience", AUDIENCE)) != AUDIENCE:
            yield _at(
                run,
                step,
                f"asks for a token for another audience than {AUDIENCE}",
                "with",
                "audience",
                fact=f"audience {given['audience']}",
            )


def _wrong(project: Project, run: Run, written: str, setting: str, known: dict[str, Environment]) -> str:
    output = _OUTPUT.fullmatch(written.strip())
    if output:
        source = next((step for step in run.job.steps if step.body.get("id") == output[1]), None)
        asked = source is not None and any(one.pipeline == "environment" for one in commands(source.run))
        return "" if asked and output[2] == setting else f"is no {setting} that `pipeline environment` gave"
    for text in run.values(written):
        if "${{" in text:
            return f"is known only to the run: {text}"
        for name in run.environments:
            environment = known.get(watched(name) or name)
            if environment is not None and text != _expected(project, environment, setting, name):
                return f"is not {name}'s: {text}"
    return ""


def _expected(project: Project, environment: Environment, setting: str, entered: str) -> str:
    """The role or the region of a job that entered the environment, or the one of those that look at it."""
    if setting == "region":
        return environment.region
    deploy_role = str(environment.table("pipeline").get("deploy_role"))
    return project.described.drift_role(environment.name, deploy_role) if watched(entered) else deploy_role


def _commands(run: Run) -> Iterator[Violation]:
    """Commands of `pipeline` that name another environment than the job entered."""
    if not run.environments:
        return
    for step in run.job.steps:
        for one in commands(step.run):
            if one.pipeline not in _OF_AN_ENVIRONMENT:
                continue
            word = next((each for each in one.arguments if not each.startswith("-")), "")
            looks = one.pipeline == "drift" or "--drift" in one.arguments
            named = tuple(watch(each) if looks else each for each in run.word(step, word))
            if set(named) - set(run.environments):
                place = ("env", word.strip("${}")) if word.startswith("$") else ("run",)
                yield _at(
                    run,
                    step,
                    f"works on {named[0]}, and the job entered {run.environments[0]}",
                    *place,
                    fact=f"{one.pipeline} {', '.join(named)}",
                )


def _at(run: Run, step: WorkflowStep, message: str, *place: str, fact: str) -> Violation:
    file, line = run.job.workflow.file, step.line(*place)
    return Violation(f"step {step.name!r} {message}", file, line, fact=f"{step.path}: {fact}")
