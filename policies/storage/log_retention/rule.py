"""Log groups without retention, or with too short a one."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at

_LEAST = {False: 14, True: 365}  # days; True for environments that are promoted to


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        if stack.environment.laptop:
            continue
        least = _LEAST[bool(stack.environment.table("pipeline").get("promote_from"))]
        for group in stack.of_type("AWS::Logs::LogGroup"):
            value = str(group.get("RetentionInDays", default="missing"))
            if not value.isdigit() or int(value) < least:
                yield at(
                    group, f"{group.id} keeps logs for {value} days, less than {least}", "RetentionInDays"
                )
