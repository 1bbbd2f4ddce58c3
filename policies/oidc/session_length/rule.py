"""Sessions of roles that workflows become, longer than an hour."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at, at_document
from pipeline.trust.matrix import roles

_LONGEST = 3600  # seconds: what AWS gives without a word
_ACTION = "aws-actions/configure-aws-credentials"


def check(project: Project) -> Iterator[Violation]:
    for role in roles(project):
        if not _short(role.get("MaxSessionDuration", default=_LONGEST)):
            yield at(role, f"sessions may last longer than {_LONGEST} seconds", "MaxSessionDuration")
    for one in project.automations:
        for step in one.steps:
            given = step.body.get("with") if step.uses.lower().startswith(_ACTION) else None
            asked = given.get("role-duration-seconds", _LONGEST) if isinstance(given, dict) else _LONGEST
            if not _short(asked):
                place = (*step.place, "with", "role-duration-seconds")
                yield at_document(one.document, f"the session lasts longer than {_LONGEST} seconds", *place)


def _short(value: object) -> bool:
    return str(value).isdigit() and int(str(value)) <= _LONGEST
