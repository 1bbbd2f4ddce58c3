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


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for stage in stack.of_type("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage"):
            yield from _access(stack, stage)
            settings = stage.get("MethodSettings", default=[])
            for index, one in enumerate(settings):
                if str(dig(one, "DataTraceEnabled", default=False)).lower() == "true":
                    yield at(
                        stage,
                        "bodies are written to the log",
                        "MethodSettings",
                        index,
                        "DataTraceEnabled",
                        fact=f"DataTraceEnabled of {setting_route(one)}",
                    )
                if str(dig(one, "LoggingLevel", default="INFO")) == "OFF" and len(settings) > 1:
                    yield at(
                        stage,
                        "errors of a route are not logged",
                        "MethodSettings",
                        index,
                        "LoggingLevel",
                        fact=f"LoggingLevel of {setting_route(one)}",
                    )
            levels = [
                str(dig(one, "LoggingLevel", default="OFF")) for one in settings if isinstance(one, dict)
            ]
            if stage.type == "AWS::ApiGateway::Stage" and not any(
                level in ("ERROR", "INFO") for level in levels
            ):
                yield at(
                    stage,
                    "errors of the gateway are not logged",
                    "MethodSettings",
                    0,
                    "LoggingLevel",
                    fact="LoggingLevel",
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
