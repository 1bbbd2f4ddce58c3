"""Resources of unknown types, and whatever brings resources into a stack that don't stand in its template."""

from collections.abc import Iterator
from typing import Any

from pipeline.source import registry
from pipeline.source.expansion import SERVERLESS, transforms
from pipeline.source.located import Document, Place, nodes
from pipeline.source.project import APPLICATION, BOOTSTRAP, Project
from pipeline.source.violations import Violation, at_template

_UNJUDGED = "whose template nobody judges here"
_ELSEWHERE = {
    "AWS::CloudFormation::Macro": "a macro, which writes other templates anew",
    "AWS::CloudFormation::Stack": f"a nested stack, {_UNJUDGED}",
    "AWS::CloudFormation::StackSet": f"a set of stacks, {_UNJUDGED}",
    "AWS::Serverless::Application": f"a serverless application, {_UNJUDGED}",
    "AWS::ServiceCatalog::CloudFormationProvisionedProduct": f"a product of the service catalog, {_UNJUDGED}",
}
# AWS's own functions for templates: what they give stands in the template, but for Fn::ForEach.
_TRANSFORMS = (SERVERLESS, "AWS::LanguageExtensions")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for name, body in stack.source["Resources"].items():
            serverless = SERVERLESS in transforms(stack.source)
            if why := _why(str(body["Type"]), stack.environment.region, serverless):
                yield at_template(stack, f"{name} is {why}", "Resources", name, fact=str(body["Type"]))
    for document in filter(None, map(project.document, (APPLICATION, BOOTSTRAP))):
        yield from _macros(document)


def _why(kind: str, region: str, serverless: bool) -> str:
    """Why a resource of the type can't be judged; empty when it can."""
    if kind in _ELSEWHERE:
        return _ELSEWHERE[kind]
    if kind.endswith("::MODULE") and kind.count("::") == 3:
        return f"a module ({kind}), whose resources stand elsewhere"
    if kind.startswith("Custom::") or registry.is_known(kind, region):
        return ""
    if registry.is_serverless(kind):
        return (
            ""
            if serverless
            else f"of the type {kind}, and the template doesn't name the transform {SERVERLESS}"
        )
    return f"of the type {kind}, which CloudFormation's registry doesn't have in {region}"


def _macros(document: Document) -> Iterator[Violation]:
    """The transforms that a template names, and the functions that call one, but for AWS's own."""
    data = document.data if isinstance(document.data, dict) else {}
    named = data.get("Transform", [])
    for index, item in enumerate(named if isinstance(named, list) else [named]):
        name = item.get("Name") if isinstance(item, dict) else item
        if name not in _TRANSFORMS:
            line = document.line("Transform", index)
            yield Violation(
                f"the macro {name} may change the whole template",
                document.file,
                line,
                fact=f"Transform {name}",
            )
    for section in data:
        for place, function in _calls(data[section], (section,)):
            resource = str(place[1]) if place[0] == "Resources" else ""
            message = f"{function} brings in what doesn't stand in the template"
            yield Violation(message, document.file, document.line(*place), resource, fact=function)


def _calls(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Where a value calls a macro, an include or a loop, and how the function is called."""
    for at_place, _ in nodes(value, place):
        name = str(at_place[-1])
        if name == "Fn::Transform" or name.startswith("Fn::ForEach"):
            yield at_place, name
