"""Functions without a timeout, or with one that outlives whoever waits."""

from collections.abc import Iterator

from pipeline.source.functions import custom_resources, functions, served
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_API = 28  # seconds; API Gateway waits for 29


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        behind = served(stack)
        for function in functions(stack):
            value = str(function.get("Timeout", default="missing"))
            if not value.isdigit() or not 1 <= int(value) <= 900:
                yield at(function, f"the timeout is {value}", "Timeout", fact="Timeout")
            elif function.id in behind and int(value) > _API:
                yield at(
                    function,
                    f"the timeout is {value} s, and API Gateway gives up after 29",
                    "Timeout",
                    fact="Timeout",
                )
        yield from _custom(stack)


def _custom(stack: Stack) -> Iterator[Violation]:
    for resource in custom_resources(stack):
        for name in refers(resource.get("ServiceToken")):
            function = stack.resources.get(name)
            limit = str(resource.get("ServiceTimeout", default="3600"))
            own = str(function.get("Timeout", default="3")) if function else "3"
            if limit.isdigit() and own.isdigit() and int(limit) < int(own):
                yield at(
                    resource,
                    f"CloudFormation gives up after {limit} s, {name} after {own}",
                    "ServiceTimeout",
                    fact=f"ServiceTimeout of {name}",
                )
