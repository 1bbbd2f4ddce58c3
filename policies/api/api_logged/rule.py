"""Stages without an access log, with one that says too little, or with bodies in the log."""

from collections.abc import Iterator

from pipeline.source.functions import setting_route
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_NEVER = ("$context.identity.apiKey", "$context.authorizer.token", "$input.params('Authorization')")
_NEEDED = {
    "the request": ("$context.requestId", "$context.extendedRequestId"),
    "the caller": ("$context.identity.sourceIp", "$context.identity.userArn"),
    "the route": ("$context.resourcePath", "$context.path", "$context.routeKey"),
    "the status": ("$context.status",),
}
_LEVELS = ("ERROR", "INFO")
# Why the gateway refused a call, and what came of asking behind it:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
_REASON = ("$context.error.message",)
_BEHIND = ("$context.integration.error", "$context.integrationErrorMessage")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for stage in stack.of_type("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage"):
            yield from _access(stack, stage)
            settings = stage.get("MethodSettings", default=[])
            levels = [str(dig(one, "LoggingLevel", default="OFF")) for one in settings]
            for index, (one, level) in enumerate(zip(settings, levels, strict=True)):
                if str(dig(one, "DataTraceEnabled", default=False)).lower() == "true":
                    yield at(
                        stage,
                        "bodies are written to the log",
                        "MethodSettings",
                        index,
                        "DataTraceEnabled",
                        fact=f"DataTraceEnabled of {setting_route(one)}",
                    )
                if level in _LEVELS and not _made(stack):
                    yield at(
                        stage,
                        "the gateway logs to a group that this template doesn't make: kept for ever, under no key",
                        "MethodSettings",
                        index,
                        "LoggingLevel",
                        fact=f"LoggingLevel of {setting_route(one)}",
                    )
                if level not in _LEVELS and set(levels) & set(_LEVELS):
                    yield at(
                        stage,
                        "errors of a route are not logged",
                        "MethodSettings",
                        index,
                        "LoggingLevel",
                        fact=f"LoggingLevel of {setting_route(one)}",
                    )
            if stage.type == "AWS::ApiGateway::Stage" and not set(levels) & set(_LEVELS):
                yield from _errors(stage)


def _made(stack: Stack) -> bool:
    """Whether the stack makes the group of an API's execution log, which API Gateway otherwise makes by itself.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    """
    groups = stack.of_type("AWS::Logs::LogGroup")
    return any(str(group.get("LogGroupName")).startswith("API-Gateway-Execution-Logs_") for group in groups)


def _errors(stage: Resource) -> Iterator[Violation]:
    """Without an execution log the access log has to tell why a call failed."""
    text = str(stage.get("AccessLogSetting", "Format", default=""))
    if text and not (any(one in text for one in _REASON) and any(one in text for one in _BEHIND)):
        yield at(
            stage,
            "errors of the gateway are not logged",
            "AccessLogSetting",
            "Format",
            fact="errors of the gateway",
        )


def _access(stack: Stack, stage: Resource) -> Iterator[Violation]:
    setting = stage.get("AccessLogSetting") or stage.get("AccessLogSettings")
    if not isinstance(setting, dict) or not setting.get("DestinationArn"):
        yield at(stage, f"{stage.source} has no access log", "AccessLogSetting", fact="AccessLogSetting")
        return
    if not any(name in stack.resources for name in refers(setting["DestinationArn"])):
        yield at(
            stage,
            "the access log goes to no log group of this stack",
            "AccessLogSetting",
            "DestinationArn",
            fact="AccessLogSetting.DestinationArn",
        )
    text = str(setting.get("Format", ""))
    for name in _NEVER:
        if name in text:
            place = ("AccessLogSetting", "Format")
            yield at(stage, f"the access log holds {name}, with which anybody gets in", *place, fact=name)
    missing = [what for what, names in _NEEDED.items() if not any(name in text for name in names)]
    if missing:
        yield at(
            stage,
            f"the access log doesn't tell {', '.join(missing)}",
            "AccessLogSetting",
            "Format",
            fact=f"without {', '.join(missing)}",
        )
