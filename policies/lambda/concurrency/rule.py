"""Functions without reserved concurrency, with none, or with more than an account has."""

from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at

_MOST = 900  # of 1000 in an account, 100 of which AWS keeps unreserved


def check(project: Project) -> Iterator[Violation]:
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
            elif not 1 <= int(value) <= _MOST:
                yield at(
                    function,
                    f"reserved concurrency is {value}, not 1 to {_MOST}",
                    "ReservedConcurrentExecutions",
                    fact="ReservedConcurrentExecutions",
                )
