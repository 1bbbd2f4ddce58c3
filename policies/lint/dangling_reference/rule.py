"""References to parameters, resources, conditions, mappings, actions and workflows that aren't there."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_template
from pipeline.source.workflows import Workflow

_PSEUDO = (
    "AccountId",
    "NoValue",
    "NotificationARNs",
    "Partition",
    "Region",
    "StackId",
    "StackName",
    "URLSuffix",
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        names = {f"AWS::{name}" for name in _PSEUDO} | set(stack.section("Parameters"))
        names |= set(stack.section("Resources")) | set(stack.source["Resources"])
        conditions, mappings = set(stack.section("Conditions")), set(stack.section("Mappings"))
        for section in ("Globals", "Resources", "Outputs", "Conditions", "Rules"):
            for place, kind, name in _references(stack.source.get(section) or {}, (section,)):
                known_names = conditions if kind == "condition" else mappings if kind == "mapping" else names
                if name not in known_names:
                    yield at_template(stack, f"there is no {kind} {name}", *place)
    yield from _local(project)


def _local(project: Project) -> Iterator[Violation]:
    """Actions and workflows of this repository that steps and jobs name, and that aren't in it."""
    for one in project.automations:
        used = [(step.uses, step.line("uses")) for step in one.steps]
        used += [(job.uses, job.line("uses")) for job in one.jobs] if isinstance(one, Workflow) else []
        for name, line in used:
            path = name.removeprefix("./").rstrip("/")
            there = {
                path,
                f"{path}/action.yml",
                f"{path}/action.yaml",
                f"{path}/Dockerfile",
            } & project.files.keys()
            if name.startswith("./") and not there:
                yield Violation(f"there is no action or workflow {name}", one.file, line)


def _references(
    value: Any, place: Place, local: frozenset[str] = frozenset()
) -> Iterator[tuple[Place, str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*place, index), local)
    if not isinstance(value, dict):
        return
    yield from _own(value, place, local)
    for key, item in value.items():
        yield from _references(item, (*place, key), local)


def _own(value: dict[str, Any], place: Place, local: frozenset[str]) -> Iterator[tuple[Place, str, str]]:
    if isinstance(found := value.get("Ref"), str) and len(value) == 1:
        # SAM makes resources called NAME.Alias and so on, and resolves them itself.
        yield (*place, "Ref"), "parameter or resource", found.partition(".")[0]
    if isinstance(found := value.get("Fn::GetAtt"), list | str):
        name = found[0] if isinstance(found, list) else found
        yield (*place, "Fn::GetAtt"), "parameter or resource", str(name).partition(".")[0]
    if isinstance(found := value.get("Fn::If"), list) and found and isinstance(found[0], str):
        yield (*place, "Fn::If"), "condition", found[0]
    if isinstance(found := value.get("Fn::FindInMap"), list) and found and isinstance(found[0], str):
        yield (*place, "Fn::FindInMap"), "mapping", found[0]
    if isinstance(found := value.get("Condition"), str) and (
        len(value) == 1 or "Type" in value or "Value" in value
    ):
        yield (*place, "Condition"), "condition", found
    if "Fn::Sub" in value:
        yield from _sub(value["Fn::Sub"], (*place, "Fn::Sub"))
    if "Type" in value and len(place) == 2 and place[0] == "Resources":
        depends = value.get("DependsOn") or []
        for name in depends if isinstance(depends, list) else [depends]:
            yield (*place, "DependsOn"), "resource", str(name)


def _sub(argument: Any, place: Place) -> Iterator[tuple[Place, str, str]]:
    text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    for found in re.finditer(r"\$\{([^!}][^}]*)\}", str(text)):
        name = found[1].strip()
        if name not in own and name.partition(".")[0] not in own:
            yield place, "parameter or resource", name if name.startswith("AWS::") else name.partition(".")[0]
