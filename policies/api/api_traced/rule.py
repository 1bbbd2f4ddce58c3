"""Stages and functions without active tracing."""

from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for stage in stack.of_type("AWS::ApiGateway::Stage"):
            if str(stage.get("TracingEnabled", default=False)).lower() != "true":
                yield at(stage, f"{stage.source} is not traced", "TracingEnabled", fact="TracingEnabled")
        for function in functions(stack):
            if function.get("TracingConfig", "Mode") != "Active":
                yield at(function, f"{function.id} is not traced", "TracingConfig", fact="TracingConfig")
