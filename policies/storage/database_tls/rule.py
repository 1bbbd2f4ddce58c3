"""Environments whose functions may reach the database without verified TLS."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.values import holes, known
from pipeline.source.violations import Violation, at, at_parameter

_ASKED = re.compile(r"==\s*[\"']disable")
_WEAK = ("disable", "allow", "prefer", "require", "verify-ca", "no-verify")


def check(project: Project) -> Iterator[Violation]:
    for environment in project.environments:
        for name, value in environment.parameters.items():
            weak = value.lower() in _WEAK and not environment.laptop
            if weak and re.search(r"tls|ssl", name, re.IGNORECASE):
                yield at_parameter(environment, f"{name} is {value} in {environment.name}", name, fact=value)
    for stack in project.stacks:
        if not stack.environment.laptop:
            yield from _functions(stack)
            yield from _parameters(stack)
    for file in project.files:
        if file.startswith(("app/", "rotation/")) and file.endswith(".py"):
            rows = project.text(file).splitlines()
            for number, row in enumerate(rows, 1):
                # A weaker mode that the settings ask for is judged where they are given.
                asked = number > 1 and _ASKED.search(rows[number - 2])
                if _CODE.search(row) and not asked:
                    yield Violation("the connection isn't verified", file, number, fact=row)


def _functions(stack: Stack) -> Iterator[Violation]:
    for function in functions(stack):
        variables = function.get("Environment", "Variables", default={})
        if "DATABASE_HOST" not in variables:
            continue
        found = {key: variables[key] for key in variables if re.search(r"TLS|SSLMODE", key)}
        for key, value in found.items():
            given = value in stack.environment.parameters.values()
            if not given and not _is_parameter(value) and value != "verify-full":
                yield at(function, f"{key} is {value}", "Environment", "Variables", key, fact=key)
        if not found:
            yield at(
                function,
                f"{function.id} isn't told to verify the database",
                "Environment",
                "Variables",
                fact="no TLS",
            )


def _is_parameter(value: Any) -> bool:
    """Whether the value is an SSM parameter's, read at deploy time: the bootstrap sets it."""
    return bool(holes(value)) and all(hole.kind == "parameter" for hole in holes(value))


def _parameters(stack: Stack) -> Iterator[Violation]:
    for parameter in stack.of_type("AWS::SSM::Parameter"):
        name, value = str(parameter.get("Name")), parameter.get("Value")
        if re.search(r"(tls|sslmode)$", name, re.IGNORECASE) and known(value) and value != "verify-full":
            yield at(parameter, f"{name} is {value}", "Value", fact="Value")


_CODE = re.compile(
    r"sslmode[\"']?\s*[=:,]\s*[\"'](disable|allow|prefer|require|verify-ca)[\"']"
    r"|verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified_context"
)
