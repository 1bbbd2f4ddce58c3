"""Functions behind the API whose traffic moves at once in a promoted environment, or without alarms."""

import re
from collections.abc import Iterator

from pipeline.source.functions import alarms_on, served
from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        if not stack.environment.table("pipeline").get("promote_from"):
            continue
        groups = list(stack.of_type("AWS::CodeDeploy::DeploymentGroup"))
        updated = {
            name
            for alias in stack.of_type("AWS::Lambda::Alias")
            if "CodeDeployLambdaAliasUpdate" in (alias.attributes.get("UpdatePolicy") or {})
            for name in refers(alias.get("FunctionName"))
        }
        for name in sorted(served(stack) - updated):
            yield at(
                stack.resources[name],
                f"{name}'s traffic moves at once",
                "DeploymentPreference",
                fact="DeploymentPreference",
            )
        for group in groups:
            yield from _group(stack, group)


def _group(stack: Stack, group: Resource) -> Iterator[Violation]:
    kind = str(group.get("DeploymentConfigName", default="missing"))
    if "AllAtOnce" in kind or not re.search(r"Canary|Linear", kind):
        yield at(
            group,
            f"the traffic moves by {kind}",
            "DeploymentPreference",
            "Type",
            fact="DeploymentPreference.Type",
        )
    alarms = {
        name
        for alarm in group.get("AlarmConfiguration", "Alarms", default=[])
        for name in refers(alarm)
        if name in stack.resources
    }
    watched = alarms & alarms_on(stack, "Errors", served(stack))
    if alarms and not watched:
        why = "no alarm on the function's errors stops the deployment"
        yield at(group, why, "DeploymentPreference", "Alarms", fact="an alarm on errors")
    if not alarms or str(group.get("AlarmConfiguration", "Enabled")).lower() != "true":
        yield at(
            group,
            "no alarm of this stack stops the deployment",
            "DeploymentPreference",
            "Alarms",
            fact="an alarm",
        )
    if str(group.get("AlarmConfiguration", "IgnorePollAlarmFailure", default=False)).lower() == "true":
        yield at(
            group,
            "alarms that can't be read are ignored",
            "DeploymentPreference",
            "Alarms",
            fact="IgnorePollAlarmFailure",
        )
    if str(group.get("AutoRollbackConfiguration", "Enabled")).lower() != "true":
        yield at(
            group,
            "a failed deployment isn't rolled back",
            "DeploymentPreference",
            fact="AutoRollbackConfiguration",
        )
