"""Functions whose code or layers don't come from the bundle."""

import re
from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at, at_template


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        for name, body in stack.source["Resources"].items():
            if body["Type"] == "AWS::Serverless::Function":
                shared = dig(stack.source, "Globals", "Function", "CodeUri")
                code = dig(body, "Properties", "CodeUri", default=shared)
                if not isinstance(code, str) or not re.fullmatch(r"(\./)?build/[a-z0-9_-]+/?", code):
                    yield at_template(
                        stack,
                        f"the code of {name} is not from the bundle",
                        *_place(stack, name),
                        fact="CodeUri",
                    )
        for function in functions(stack):
            yield from _function(stack, function)
        for shared in stack.of_type("AWS::Lambda::LayerVersionPermission"):
            yield at(shared, "a layer of ours is handed to other accounts", fact="LayerVersionPermission")


def _function(stack: Stack, function: Resource) -> Iterator[Violation]:
    written = function.id == function.source and _has(stack, function)
    if "ZipFile" in function.get("Code", default={}):
        place = "Code" if written else "InlineCode"
        yield at(function, f"{function.id} has its code in the template", place, fact=place)
    elif written:
        yield at(function, f"the code of {function.id} is not from the bundle", "Code", fact="Code")
    for index, layer in enumerate(function.get("Layers", default=[])):
        account = (str(layer).split(":") + [""] * 5)[4]
        if not refers(layer) and account != stack.environment.account and "${" not in account:
            yield at(function, f"{layer} is a foreign layer", "Layers", index, fact=f"layer {layer}")


def _has(stack: Stack, function: Resource) -> bool:
    return stack.document.has("Resources", function.id, "Properties", "Code")


def _place(stack: Stack, name: str) -> Place:
    place = ("Resources", name, "Properties", "CodeUri")
    return place if stack.document.has(*place) else ("Resources", name)
