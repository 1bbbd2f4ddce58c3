"""Functions of one name, of which an environment can have one."""

from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        named: dict[str, str] = {}
        for function in sorted(functions(stack), key=lambda one: one.line("FunctionName")):
            name = function.get("FunctionName")
            if not isinstance(name, str):
                continue  # CloudFormation makes up one of its own
            if name in named:
                yield at(function, f"{function.id} has the name {name}, as {named[name]} has", "FunctionName")
            named.setdefault(name, function.id)
