"""Settings and parameters that an environment leaves to a default, doesn't know, or gives twice."""

import shlex
from collections.abc import Iterator
from typing import Any

from pipeline.gate.environments import SAMCONFIG, Environment
from pipeline.gate.project import APPLICATION, Project
from pipeline.gate.rules import Violation, at_document, at_parameter, at_setting

_DEPLOY = ("region", "stack_name", "s3_bucket", "s3_prefix", "role_arn", "capabilities", "tags")
_PIPELINE = ("account", "deploy_role")


def check(project: Project) -> Iterator[Violation]:
    settings, template = project.document(SAMCONFIG), project.document(APPLICATION)
    if settings is None or template is None:
        return
    if "default" in settings.data:
        yield at_document(settings, "[default] gives values to environments that don't say them", "default")
    names = set(template.data.get("Parameters") or {}) if isinstance(template.data, dict) else set()
    for environment in project.environments:
        yield from _settings(environment)
        yield from _parameters(environment, names)


def _settings(environment: Environment) -> Iterator[Violation]:
    for name in _DEPLOY:
        if not environment.setting(name):
            yield at_setting(environment, f"{environment.name} has no {name} of its own", name)
    for name in _PIPELINE:
        if not environment.table("pipeline").get(name):
            yield at_setting(environment, f"{environment.name} has no {name} of its own", name, "pipeline")


def _parameters(environment: Environment, names: set[str]) -> Iterator[Violation]:
    place = environment.place("parameter_overrides")
    seen: set[str] = set()
    for index, text in enumerate(_items(environment.setting("parameter_overrides"))):
        name, sign, _ = text.partition("=")
        name = name.strip()
        why = ""
        if not sign:
            why = f"{text!r} is not Name=value"
        elif name not in names:
            why = f"template.yaml has no parameter {name}"
        elif name in seen:
            why = f"{name} is given twice, and the last one silently wins"
        if why:
            line = environment.document.line(*place, index)
            yield Violation(why, environment.document.file, line, name, environment.name)
        seen.add(name)
    for name in sorted(names - seen):
        yield at_parameter(
            environment, f"{environment.name} leaves the parameter {name} to its Default", name
        )


def _items(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError:
            return value.split()
    return [str(item) for item in value] if isinstance(value, list) else []
