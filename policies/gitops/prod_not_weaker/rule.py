"""Settings in which a promoted environment is weaker than the one it promotes from, or another thing."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.settings import ALIKE, AT_LEAST, AT_MOST, NEVER, ONLY, Settings
from pipeline.source.violations import Violation, at_parameter, at_setting

_SETTINGS_ALIKE = ("capabilities", "s3_prefix", "fail_on_empty_changeset", "confirm_changeset")


def check(project: Project) -> Iterator[Violation]:
    for prod in project.environments:
        source = project.environment(str(prod.table("pipeline").get("promote_from") or ""))
        if source is None:
            continue
        for name, why in _weaker(prod.parameters, source.parameters, project.settings):
            yield at_parameter(
                prod,
                f"{name} of {prod.name} {why}",
                name,
                fact=f"{name} {prod.parameters.get(name, 'is missing')}",
            )
        yield from _settings(prod, source)


def _weaker(prod: dict[str, str], source: dict[str, str], settings: Settings) -> Iterator[tuple[str, str]]:
    for name in settings.names(ALIKE):
        if prod.get(name) != source.get(name):
            yield name, f"is {prod.get(name)}, and was tried as {source.get(name)}"
    for setting, sign in ((AT_LEAST, 1), (AT_MOST, -1)):
        for name in settings.names(setting):
            mine, theirs = _number(prod.get(name)), _number(source.get(name))
            if mine is not None and theirs is not None and (mine - theirs) * sign < 0:
                yield name, f"is {prod[name]}, weaker than {source[name]} before"
    for setting, wanted in ((ONLY, True), (NEVER, False)):
        for name, patterns in settings.values(setting).items():
            wrong = [one for one in _items(prod.get(name)) if _matches(one, patterns) != wanted]
            if wrong:
                said = "is not" if wanted else "may not be"
                yield name, f"is {', '.join(wrong) or 'empty'}, and {said} {_shown(patterns)}"


def _items(value: str | None) -> list[str]:
    """A value, or each entry of one that is a list: a weak one is not hidden by those beside it."""
    return [] if value is None else [one.strip() for one in value.split(",")]


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value.lower(), one.lower()) for one in patterns)


def _shown(patterns: tuple[str, ...]) -> str:
    return ", ".join(one or "empty" for one in patterns)


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
