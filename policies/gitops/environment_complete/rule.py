"""Settings and parameters that an environment leaves to a default, doesn't know, or gives twice."""

from collections.abc import Iterator

from pipeline.source import registry, samconfig
from pipeline.source.environments import SAMCONFIG, Environment
from pipeline.source.project import APPLICATION, Project
from pipeline.source.violations import Violation, at_parameter, at_setting


def check(project: Project) -> Iterator[Violation]:
    settings, template = project.document(SAMCONFIG), project.document(APPLICATION)
    if settings is None or template is None:
        return
    # Whatever the commands would refuse to read; values that sam would change are told by override_valid.
    for fault in samconfig.faults(settings.data):
        if not fault.changed:
            line, name = settings.line(*fault.place), str(fault.place[0])
            fact = f"{settings.path(*fault.place[1:])} {fault.message}"
            yield Violation(fault.told, SAMCONFIG, line, fault.parameter, name, fact=fact)
    names = set(template.data.get("Parameters") or {}) if isinstance(template.data, dict) else set()
    for environment in project.environments:
        if environment.region and (why := registry.no_region(environment.region)):
            yield at_setting(environment, why, "region", fact=f"region {environment.region}")
        yield from _parameters(environment, names)


def _parameters(environment: Environment, names: set[str]) -> Iterator[Violation]:
    place = environment.place("parameter_overrides")
    for one in environment.overrides:
        if one.name not in names:
            line = environment.document.line(*place, one.index)
            message = f"template.yaml has no parameter {one.name}"
            yield Violation(message, SAMCONFIG, line, one.name, environment.name, fact="no such parameter")
    for name in sorted(names - environment.parameters.keys()):
        yield at_parameter(
            environment,
            f"{environment.name} leaves the parameter {name} to its Default",
            name,
            fact="Default",
        )
