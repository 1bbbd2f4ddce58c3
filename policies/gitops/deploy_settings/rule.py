"""Settings of samconfig.toml that switch rollback off, widen a deployment, or go past the pipeline."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.violations import Violation, at_document, at_setting

_OFF = {
    "disable_rollback": "a failed deployment stays as it is",
    "force_upload": "other bytes may take the place of those that were checked",
    "resolve_s3": "the bucket is one that sam makes",
    "resolve_image_repos": "the repository is one that sam makes",
    "no_execute_changeset": "nothing is deployed",
    "use_json": "the template is written anew",
    "skip_pull_image": "the image isn't looked at",
}
_OTHERS = ("profile", "image_repository", "image_repositories", "template_file", "template", "kms_key_id")
_FAILING = ("DO_NOTHING", "DELETE")
_TABLES = (
    "global",
    "deploy",
    "pipeline",
    "bootstrap",
    "build",
    "validate",
    "local_invoke",
    "local_start_api",
    "logs",
)
_NAMED = ("RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName")
_OF_ANOTHER = (
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
)  # they name whose they are


def check(project: Project) -> Iterator[Violation]:
    stacks = {stack.environment.name: stack for stack in project.application}
    for environment in project.environments:
        yield from _settings(environment)
        soak = environment.table("pipeline").get("soak_minutes", 0)
        if not isinstance(soak, int) or soak < 0:
            why = f"soak_minutes of {environment.name} is {soak!r}: nothing has to run before it is promoted"
            yield at_setting(environment, why, "soak_minutes", "pipeline", fact="soak_minutes")
        if environment.name in stacks:
            yield from _capabilities(environment, stacks[environment.name])
        for name in environment.document.data.get(environment.name, {}):
            if name not in _TABLES:
                place = (environment.name, name)
                yield at_document(
                    environment.document,
                    f"{name} deploys past the change set",
                    *place,
                    fact=f"{environment.name}.{name}",
                )


def _settings(environment: Environment) -> Iterator[Violation]:
    for table in ("deploy", "global"):
        given = environment.table(table)
        for name, value in given.items():
            if why := _why(name, value):
                yield at_setting(
                    environment, f"{name} of {environment.name}: {why}", name, table, fact=f"{table}.{name}"
                )
        if table == "deploy" and given and given.get("fail_on_empty_changeset") is not False:
            name = "fail_on_empty_changeset"
            why = "the same release again would fail"
            yield at_setting(
                environment, f"{name} of {environment.name} is not false: {why}", name, fact=f"deploy.{name}"
            )


def _why(name: str, value: Any) -> str:
    if name in _OFF and str(value).lower() != "false":
        return _OFF[name]
    if name == "on_failure" and str(value).upper() in _FAILING:
        return "a failed deployment isn't rolled back"
    return "a deployment takes it from the pipeline" if name in _OTHERS and value else ""


def _capabilities(environment: Environment, stack: Stack) -> Iterator[Violation]:
    given = environment.setting("capabilities")
    names = given if isinstance(given, list) else str(given or "").split()
    roles = [one for one in stack.resources.values() if one.type.startswith("AWS::IAM::")]
    named = [one for one in roles if one.type not in _OF_ANOTHER]
    fixed = [one for one in named if any(one.get(name) for name in _NAMED)]
    needed = {"CAPABILITY_NAMED_IAM" if fixed else "CAPABILITY_IAM"} if roles else set()
    for name in names:
        if name not in needed and not (name == "CAPABILITY_IAM" and roles):
            yield at_setting(
                environment,
                f"{environment.name} allows {name}, which no resource needs",
                "capabilities",
                fact=f"capabilities {name}",
            )
    for name in needed if given is not None and not needed & set(names) else ():
        why, fact = f"{environment.name} lacks {name}", f"capabilities without {name}"
        yield at_setting(environment, why, "capabilities", fact=fact)
