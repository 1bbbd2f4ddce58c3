"""Secrets without a rotation, with a slow one, or with one that nothing carries out.

One that the template gives no value is somebody else's, such as a provider's key: no function here can make another.
"""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_MONTH = 30  # days
_RATE = re.compile(r"rate\(\s*(\d+)\s+(hour|day)s?\s*\)")


def check(project: Project) -> Iterator[Violation]:
    most = project.settings.number("days.secret_rotation")
    for stack in project.stacks:
        schedules = list(stack.of_type("AWS::SecretsManager::RotationSchedule"))
        rotated = {name for schedule in schedules for name in refers(schedule.get("SecretId"))}
        for secret in stack.of_type("AWS::SecretsManager::Secret"):
            valued = {"GenerateSecretString", "SecretString"} & secret.properties.keys()
            if valued and secret.id not in rotated:
                yield at(secret, "the secret is never rotated", fact="rotation")
        for schedule in schedules:
            if why := _slow(schedule.get("RotationRules"), most):
                yield at(schedule, why, "RotationRules", fact="RotationRules")
            function = refers(schedule.get("RotationLambdaARN"))
            hosted = "HostedRotationLambda" in schedule.properties
            if not hosted and not any(name in stack.resources for name in function):
                yield at(
                    schedule,
                    "no function of this stack carries the rotation out",
                    "RotationLambdaARN",
                    fact="RotationLambdaARN",
                )


def _slow(rules: Any, most: int) -> str:
    if not isinstance(rules, dict):
        return "the schedule says no interval"
    if "ScheduleExpression" in rules:
        expression = str(rules["ScheduleExpression"])
        found = _RATE.fullmatch(expression)
        if found:
            days = int(found[1]) / (24 if found[2] == "hour" else 1)
            return f"the secret is rotated every {days:g} days, more than {most}" if days > most else ""
        monthly = re.fullmatch(r"cron\(\S+ \S+ \S+ (?:\*|(?:1|\*)/([123])) \S+ \*\)", expression)
        return (
            ""
            if monthly and int(monthly[1] or 1) * _MONTH <= most
            else f"{expression} is not known to come within {most} days"
        )
    value = str(rules.get("AutomaticallyAfterDays", ""))
    if not value.isdigit() or int(value) < 1:
        return f"AutomaticallyAfterDays is {value or 'missing'}"
    return f"the secret is rotated every {value} days, more than {most}" if int(value) > most else ""
