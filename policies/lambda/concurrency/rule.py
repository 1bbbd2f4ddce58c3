"""Functions without reserved concurrency, with none, or with more than an account has."""

from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    most = project.settings.number("limits.concurrency")
    for stack in project.stacks:
        for function in functions(stack):
            value = str(function.get("ReservedConcurrentExecutions", default="missing"))
            if not value.isdigit():
                yield at(
                    function,
                    f"reserved concurrency is {value}",
                    "ReservedConcurrentExecutions",
                    fact="ReservedConcurrentExecutions",
                )
            elif not 1 <= int(value) <= most:
                yield at(
                    function,
                    f"reserved concurrency is {value}, not 1 to {most}",
                    "ReservedConcurrentExecutions",
                    fact="ReservedConcurrentExecutions",
                )
