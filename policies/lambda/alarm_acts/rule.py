"""Alarms that notify nobody in an environment that has users, are switched off, or can't ring."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.values import known
from pipeline.source.violations import Violation, at

_ALIAS = "AWS::Lambda::Alias"
_NAMESPACES = {"FunctionName": "AWS/Lambda", "ApiName": "AWS/ApiGateway"}  # by what they are written for
_WRITTEN = {"Resource": (_ALIAS, "Name"), "Stage": ("AWS::ApiGateway::Stage", "StageName")}
_UP = ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "GreaterThanUpperThreshold")
_MOST = {"Errors": 20, "5XXError": 20, "Throttles": 1000}  # in one period


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for alarm in stack.of_type("AWS::CloudWatch::Alarm"):
            if not stack.environment.laptop and not [
                one for one in alarm.get("AlarmActions", default=[]) if one
            ]:
                yield at(alarm, f"{alarm.id} notifies nobody", "AlarmActions", fact="AlarmActions")
            if str(alarm.get("ActionsEnabled", default=True)).lower() == "false":
                yield at(alarm, f"{alarm.id} is switched off", "ActionsEnabled", fact="ActionsEnabled")
            for place, why in _mute(alarm):
                yield at(alarm, f"{alarm.id} {why}", place, fact=place)
            for where, what, why in _aside(stack, alarm):
                yield at(alarm, f"{alarm.id} {why}", *where, fact=what)


def _mute(alarm: Resource) -> Iterator[tuple[str, str]]:
    metric = str(alarm.get("MetricName", default=""))
    if alarm.get("TreatMissingData") == "ignore":
        yield "TreatMissingData", "keeps its state when data is missing"
    if metric in _MOST:
        if alarm.get("ComparisonOperator") not in _UP:
            yield "ComparisonOperator", f"rings when there are few {metric}"
        if str(alarm.get("Statistic")) not in ("Sum", "Maximum", "Average"):
            yield "Statistic", f"takes the {alarm.get('Statistic')} of {metric}"
        if _number(alarm.get("Threshold")) > _MOST[metric]:
            yield "Threshold", f"rings after {alarm.get('Threshold')} {metric} only"
    if _number(alarm.get("EvaluationPeriods", default=1)) * _number(alarm.get("Period", default=60)) > 3600:
        yield "EvaluationPeriods", "rings after more than an hour"


def _aside(stack: Stack, alarm: Resource) -> Iterator[tuple[Place, str, str]]:
    """Where it looks at a metric that nothing writes: a namespace, an alias or a stage that isn't there."""
    dimensions = alarm.get("Dimensions", default=[])
    named = {str(dig(one, "Name")) for one in dimensions}
    for key, namespace in _NAMESPACES.items():
        found = alarm.get("Namespace", default=namespace)
        if key in named and alarm.get("MetricName") in _MOST and found != namespace:
            why = f"looks for {alarm.get('MetricName')} in {found}, not in {namespace}"
            yield ("Namespace",), f"Namespace {found} of {key}", why
    for index, one in enumerate(dimensions):
        kind, name = _WRITTEN.get(str(dig(one, "Name")), ("", ""))
        value, there = dig(one, "Value"), [each.get(name) for each in stack.of_type(kind)]
        if kind and isinstance(value, str) and known(value) and all(map(known, there)):
            last = value.rpartition(":")[2]
            if last not in there and not (last == value and kind == _ALIAS):
                yield (
                    ("Dimensions", index),
                    f"{dig(one, 'Name')} {value}",
                    f"looks at {last}, and there is no such {kind.rpartition(':')[2]}",
                )


def _number(value: Any) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("inf")
