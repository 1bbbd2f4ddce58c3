"""Functions and APIs whose errors ring no alarm."""

from collections.abc import Iterator

from pipeline.source.functions import custom_resources, functions, served, through_aliases, watches
from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_HOOKS = ("BeforeAllowTrafficHook", "AfterAllowTrafficHook")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        alarms = list(stack.of_type("AWS::CloudWatch::Alarm"))
        told = _of_deployments(stack) - served(stack)
        for function in functions(stack):
            if function.id not in told and not any(
                watches(one, "Errors", function, "FunctionName") for one in alarms
            ):
                yield at(function, f"errors of {function.id} ring no alarm", fact="Errors")
        for api in stack.of_type("AWS::ApiGateway::RestApi"):
            if not any(watches(one, "5XXError", api, "Name") for one in alarms):
                yield at(api, f"errors of {api.id} ring no alarm", fact="5XXError")


def _of_deployments(stack: Stack) -> set[str]:
    """The functions that a deployment calls, and fails with: of custom resources, before and after traffic."""
    names = {name for one in custom_resources(stack) for name in refers(one.get("ServiceToken"))}
    for alias in stack.of_type("AWS::Lambda::Alias"):
        policy = dig(alias.attributes, "UpdatePolicy", "CodeDeployLambdaAliasUpdate", default={})
        names |= {name for key in _HOOKS for name in refers(dig(policy, key))}
    return through_aliases(stack, names)
