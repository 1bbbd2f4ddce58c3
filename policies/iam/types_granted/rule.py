"""Resource types that no deployment may make, actions that the boundary cuts off, and a bootstrap that is stale."""

import re
from collections.abc import Iterator

from pipeline.base.errors import ConfigurationError
from pipeline.iam import grants
from pipeline.iam.statements import BOUNDARY, IDENTITY, statements
from pipeline.source.project import BOOTSTRAP, Project
from pipeline.source.settings import FILE, ROLE_ACTIONS, TYPES
from pipeline.source.violations import Violation, at

_WILD = re.compile(r"[*?]|\$\{")


def check(project: Project) -> Iterator[Violation]:
    settings = project.document(FILE)
    if BOOTSTRAP not in project.files or (FILE in project.files and settings is None):
        return
    granted, faults = grants.read(settings)
    for fault in faults:
        line = settings.line(*fault.place) if settings is not None else 1
        yield Violation(fault.message, FILE, line, fact=fault.message)
    yield from _ungranted(project, granted)
    yield from _cut(project)
    if not faults:
        yield from _stale(project.text(BOOTSTRAP), granted)


def _ungranted(project: Project, granted: grants.Grants) -> Iterator[Violation]:
    for stack in project.application:
        for resource in stack.resources.values():
            if not granted.covers(resource.type):
                line = f'"{resource.type}" in {TYPES} of {FILE}'
                yield at(
                    resource,
                    f"no deployment may make an {resource.type}: it takes {line}",
                    fact=resource.type,
                )


def _cut(project: Project) -> Iterator[Violation]:
    """Actions of the application's roles that no statement of the boundary takes in."""
    ceilings = {
        stack.environment.name: [
            one
            for one in statements(stack)
            if one.kind == BOUNDARY and one.allows and not one.demanded("aws:PrincipalArn")
        ]
        for stack in project.bootstrap
    }
    for stack in project.application:
        ceiling = ceilings.get(stack.environment.name)
        for one in statements(stack) if ceiling else ():
            if one.kind != IDENTITY or not one.allows or not one.resource.type.startswith("AWS::IAM::"):
                continue
            for action in one.actions:
                if not _WILD.search(action) and not any(above.covers(action) for above in ceiling or ()):
                    line = f'"{action}" in {ROLE_ACTIONS} of {FILE}'
                    yield one.violation(
                        f"the boundary leaves no room for {action}: it takes {line}", "Action", fact=action
                    )


def _stale(text: str, granted: grants.Grants) -> Iterator[Violation]:
    try:
        then = grants.written(text, granted)
    except ConfigurationError as error:
        if granted != grants.Grants():
            yield Violation(error.message.removesuffix("."), BOOTSTRAP, 1, fact="no place")
        return
    for number, (old, new) in enumerate(zip(text.splitlines(), then.splitlines(), strict=False), 1):
        if old != new:
            yield Violation(
                f"{BOOTSTRAP} isn't what {FILE} makes of it", BOOTSTRAP, number, fact="other statements"
            )
            return
