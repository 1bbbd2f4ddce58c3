"""Functions whose log group the stack doesn't make, or that share one, or that keep most of it to themselves."""

from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        groups = {
            one.id: str(one.get("LogGroupName", default="")) for one in stack.of_type("AWS::Logs::LogGroup")
        }
        used: dict[str, str] = {}
        for function in functions(stack):
            wanted = function.get("LoggingConfig", "LogGroup")
            name = str(function.get("FunctionName", default=f"${{{function.id}}}"))  # else AWS makes one up
            text = wanted or f"/aws/lambda/{name}"
            found = next(
                (one for one, called in groups.items() if one in refers(text) or called == text), None
            )
            level = str(function.get("LoggingConfig", "ApplicationLogLevel", default=""))
            if level in ("ERROR", "FATAL"):
                text = f"{function.id} writes nothing below {level}: nobody sees what it did"
                yield at(function, text, "LoggingConfig", "ApplicationLogLevel", fact="ApplicationLogLevel")
            if found is None:
                yield at(
                    function,
                    f"{function.id} has no log group of this stack",
                    "LoggingConfig",
                    fact="LogGroup",
                )
            elif found in used:
                yield at(
                    function,
                    f"{function.id} writes to the log group of {used[found]}",
                    "LoggingConfig",
                    fact=f"LogGroup of {used[found]}",
                )
            else:
                used[found] = function.id
