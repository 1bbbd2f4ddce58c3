"""Log groups, and buckets of access logs, without retention or with too short a one."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        if stack.environment.laptop:
            continue
        promoted = stack.environment.table("pipeline").get("promote_from")
        least = project.settings.number("days.logs_promoted" if promoted else "days.logs")
        for group in stack.of_type("AWS::Logs::LogGroup"):
            value = str(group.get("RetentionInDays", default="missing"))
            if not value.isdigit() or int(value) < least:
                yield at(
                    group,
                    f"{group.id} keeps logs for {value} days, less than {least}",
                    "RetentionInDays",
                    fact="RetentionInDays",
                )
        yield from _access_logs(stack, least)


def _access_logs(stack: Stack, least: int) -> Iterator[Violation]:
    """Buckets that other buckets log to, and that drop the logs too soon."""
    buckets = list(stack.of_type("AWS::S3::Bucket"))
    targets = {
        name for one in buckets for name in refers(one.get("LoggingConfiguration", "DestinationBucketName"))
    }
    for bucket in (one for one in buckets if one.id in targets):
        for index, rule in enumerate(bucket.get("LifecycleConfiguration", "Rules", default=[])):
            days = str(dig(rule, "ExpirationInDays", default=""))
            if days.isdigit() and int(days) < least and dig(rule, "Status") == "Enabled":
                place = ("LifecycleConfiguration", "Rules", index, "ExpirationInDays")
                yield at(
                    bucket,
                    f"{bucket.id} keeps access logs for {days} days, less than {least}",
                    *place,
                    fact=f"ExpirationInDays of {dig(rule, 'Id', default='a rule')}",
                )
