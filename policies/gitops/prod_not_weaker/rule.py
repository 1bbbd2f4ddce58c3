"""Settings in which a promoted environment is weaker than the one it promotes from, or another thing."""

from collections.abc import Iterator

from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_parameter, at_setting

_ALIKE = ("Architecture", "Runtime", "MemorySize", "Timeout")
_AT_LEAST = ("LogRetentionDays",)
_AT_MOST = ("RotationDays",)
_SETTINGS_ALIKE = ("capabilities", "s3_prefix", "fail_on_empty_changeset", "confirm_changeset")
_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")


def check(project: Project) -> Iterator[Violation]:
    for prod in project.environments:
        source = project.environment(str(prod.table("pipeline").get("promote_from") or ""))
        if source is None:
            continue
        for name, why in _weaker(prod.parameters, source.parameters):
            yield at_parameter(
                prod,
                f"{name} of {prod.name} {why}",
                name,
                fact=f"{name} {prod.parameters.get(name, 'is missing')}",
            )
        yield from _settings(prod, source)


def _weaker(prod: dict[str, str], source: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in _ALIKE:
        if prod.get(name) != source.get(name):
            yield name, f"is {prod.get(name)}, and was tried as {source.get(name)}"
    for names, sign in ((_AT_LEAST, 1), (_AT_MOST, -1)):
        for name in names:
            mine, theirs = _number(prod.get(name)), _number(source.get(name))
            if mine is not None and theirs is not None and (mine - theirs) * sign < 0:
                yield name, f"is {prod[name]}, weaker than {source[name]} before"
    yield from _weak(prod)


def _weak(prod: dict[str, str]) -> Iterator[tuple[str, str]]:
    if prod.get("GradualDeployment", "true").lower() != "true":
        yield "GradualDeployment", "moves all traffic at once"
    if prod.get("AlarmTopicArn") == "":
        yield "AlarmTopicArn", "tells nobody"
    if prod.get("LogLevel") in _LEVELS[:2]:
        yield "LogLevel", f"is {prod['LogLevel']}: it logs what requests hold"
    if (tls := prod.get("DatabaseTls")) in ("disable", "prefer", "allow", "require"):
        yield "DatabaseTls", f"is {tls}: the server isn't verified"
    origins = [one.strip() for one in prod.get("CorsOrigins", "").split(",")]
    weak = [one for one in origins if "*" in one or "localhost" in one or one.startswith("http://")]
    if weak:
        yield "CorsOrigins", f"lets {', '.join(weak)} in"


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _settings(prod: Environment, source: Environment) -> Iterator[Violation]:
    for name in _SETTINGS_ALIKE:
        if prod.setting(name) != source.setting(name):
            yield at_setting(prod, f"{name} of {prod.name} is not that of {source.name}", name, fact=name)
    for name in source.table("deploy"):
        if prod.setting(name) is None:
            yield at_setting(
                prod, f"{prod.name} has no {name}, and {source.name} has", name, fact=f"no {name}"
            )
