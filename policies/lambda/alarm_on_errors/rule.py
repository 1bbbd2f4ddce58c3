"""Functions and APIs whose errors ring no alarm."""

from collections.abc import Iterator

from pipeline.source.functions import rotating, served, watches
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        alarms = list(stack.of_type("AWS::CloudWatch::Alarm"))
        for name in sorted(served(stack) | rotating(stack)):
            function = stack.resources.get(name)
            if function is not None and not any(
                watches(one, "Errors", function, "FunctionName") for one in alarms
            ):
                yield at(function, f"errors of {name} ring no alarm", fact="Errors")
        for api in stack.of_type("AWS::ApiGateway::RestApi"):
            if not any(watches(one, "5XXError", api, "Name") for one in alarms):
                yield at(api, f"errors of {api.id} ring no alarm", fact="5XXError")
