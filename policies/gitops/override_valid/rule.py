"""Overrides that CloudFormation would refuse, or that arrive as another value."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source import samconfig
from pipeline.source.duties import mapping
from pipeline.source.environments import SAMCONFIG
from pipeline.source.located import Document
from pipeline.source.project import APPLICATION, Project
from pipeline.source.stacks import Stack
from pipeline.source.values import mentioned
from pipeline.source.violations import Violation, at_parameter


def check(project: Project) -> Iterator[Violation]:
    template = project.document(APPLICATION)
    declared = mapping(mapping(template.data if template else None).get("Parameters"))
    for environment in project.environments:
        for name, value in environment.parameters.items():
            if name in declared and (why := _why(mapping(declared[name]), value)):
                yield at_parameter(
                    environment, f"{name} of {environment.name} {why}", name, fact=f"value {value}"
                )
    if (settings := project.document(SAMCONFIG)) is not None:
        yield from _changed(settings)
    for stack in project.application:
        yield from _refused(stack)


def _changed(settings: Document) -> Iterator[Violation]:
    """Values that sam would cut, split, or read as another."""
    for fault in samconfig.faults(settings.data):
        if fault.changed:
            line, name = settings.line(*fault.place), str(fault.place[0])
            yield Violation(fault.told, SAMCONFIG, line, fault.parameter, name, fact=fault.message)


def _refused(stack: Stack) -> Iterator[Violation]:
    """Values that the template's own Rules refuse together."""
    for rule in stack.section("Rules").values():
        if "RuleCondition" in rule and stack.scope.test(rule["RuleCondition"]) is not True:
            continue
        for one in rule.get("Assertions", []):
            if stack.scope.test(one.get("Assert")) is False:
                why = str(one.get("AssertDescription", "a rule of the template doesn't hold"))
                name = min(mentioned(rule.get("RuleCondition", one.get("Assert"))), default="")
                yield at_parameter(stack.environment, f"{stack.environment.name}: {why}", name, fact=why)


def _why(about: dict[str, Any], value: str) -> str:
    kind = str(about.get("Type", "String"))
    values = [one.strip() for one in value.split(",")] if "List<" in kind or "Delimited" in kind else [value]
    allowed = about.get("AllowedValues")
    pattern = about.get("AllowedPattern")
    for one in values:
        if kind.startswith(("Number", "List<Number>")) and not re.fullmatch(r"-?\d+(\.\d+)?", one):
            return f"is {one!r}, which is no number"
        if isinstance(allowed, list) and one not in [str(each) for each in allowed]:
            return f"is {one!r}, which AllowedValues doesn't hold"
        if pattern is not None and not _fits(str(pattern), one):
            return f"is {one!r}, which doesn't fit AllowedPattern {pattern}"
    return _measure(about, kind, value)


def _measure(about: dict[str, Any], kind: str, value: str) -> str:
    bounds = (
        (("MinValue", "MaxValue"), float(value))
        if kind == "Number"
        else (("MinLength", "MaxLength"), len(value))
    )
    for name, sign in zip(bounds[0], (1, -1), strict=True):
        if name in about and (bounds[1] - float(about[name])) * sign < 0:
            return f"is {value!r}, past {name} {about[name]}"
    return ""


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True  # a pattern of another dialect: AWS judges it
