"""Functions whose code or layers don't come from the bundle."""

from collections.abc import Iterator

from pipeline.source.fitting import functions as unfitting
from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        for one in unfitting(project.described, stack.document):
            yield Violation(one.message, one.file, one.line, one.resource, stack.environment.name)
        for name, body in stack.source["Resources"].items():
            if body["Type"] in _FUNCTIONS and dig(body, "Properties", "PackageType") == "Image":
                line = stack.line(name, "ImageUri")
                why = f"{name} is an image, which is not in the bundle"
                yield Violation(why, stack.document.file, line, name, stack.environment.name)
        for function in functions(stack):
            yield from _function(stack, function)
        for shared in stack.of_type("AWS::Lambda::LayerVersionPermission"):
            yield at(shared, "a layer of ours is handed to other accounts")


def _function(stack: Stack, function: Resource) -> Iterator[Violation]:
    written = function.id == function.source and _has(stack, function)
    if "ZipFile" in function.get("Code", default={}):
        place = "Code" if written else "InlineCode"
        yield at(function, f"{function.id} has its code in the template", place)
    elif written and function.get("PackageType") != "Image":
        yield at(function, f"the code of {function.id} is not from the bundle", "Code")
    for index, layer in enumerate(function.get("Layers", default=[])):
        account = (str(layer).split(":") + [""] * 5)[4]
        if not refers(layer) and account != stack.environment.account and "${" not in account:
            yield at(function, f"{layer} is a foreign layer", "Layers", index)


def _has(stack: Stack, function: Resource) -> bool:
    return stack.document.has("Resources", function.id, "Properties", "Code")
