"""Stages without a limit for every method, or with one that limits nothing."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.functions import setting_route
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    most = project.settings.number("limits.requests")
    for stack in project.stacks:
        for stage in stack.of_type("AWS::ApiGateway::Stage"):
            settings = stage.get("MethodSettings", default=[])
            whole = [one for one in settings if isinstance(one, dict) and _whole(one)]
            if not whole:
                yield at(
                    stage,
                    "no MethodSettings entry limits every method of /*",
                    "MethodSettings",
                    fact="MethodSettings",
                )
            for one in settings:
                index = settings.index(one)
                for key in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
                    if isinstance(one, dict) and (why := _wrong(one, key, most)):
                        yield at(
                            stage,
                            f"{key} {why}",
                            "MethodSettings",
                            index,
                            key,
                            fact=f"{key} of {setting_route(one)}",
                        )
        for stage in stack.of_type("AWS::ApiGatewayV2::Stage"):
            limits = stage.get("DefaultRouteSettings", default={})
            for key in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
                if why := _wrong(limits, key, most):
                    yield at(stage, f"{key} {why}", "DefaultRouteSettings", key, fact=key)


def _whole(one: dict[str, Any]) -> bool:
    return one.get("ResourcePath") in ("/*", "*") and one.get("HttpMethod") == "*"


def _wrong(one: dict[str, Any], key: str, most: int) -> str:
    if key not in one:
        return "is missing" if "HttpMethod" not in one or _whole(one) else ""
    try:
        number = float(str(one[key]))
    except ValueError:
        return f"can't be known: {one[key]}"
    if number <= 0:
        return f"is {number:g}, which " + ("stops every call" if number == 0 else "means no limit")
    return f"is {number:g}, more than {most}" if number > most else ""
