"""Evidence buckets without a lock, with a short or weak one, or from which somebody may delete."""

from collections.abc import Iterator

from pipeline.iam.statements import Statement, every_object, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at, at_template

_EXPIRING = ("ExpirationInDays", "ExpirationDate", "NoncurrentVersionExpiration")
_DELETING = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.bootstrap:
        buckets = [one for one in stack.of_type("AWS::S3::Bucket") if _holds_evidence(one)]
        if not buckets and any(stack.of_type("AWS::S3::Bucket")):
            yield at_template(
                stack,
                "no bucket of the bootstrap keeps evidence under a lock",
                "Resources",
                fact="no evidence bucket",
            )
        for bucket in buckets:
            for place, why in _weak(bucket, project.settings.number("days.evidence")):
                yield at(bucket, f"{bucket.id} {why}", *place, fact=place[-1])
            denials = [one for one in statements(stack) if one.denies and _is_of(one, bucket)]
            for action in _DELETING:
                if not any(_flat(one, action, bucket) for one in denials):
                    yield at(bucket, f"nothing denies {action} on {bucket.id}", fact=action)


def _is_of(one: Statement, bucket: Resource) -> bool:
    target = one.resource.get("Bucket")
    return bucket.id in refers(target) or (target is not None and target == bucket.get("BucketName"))


def _holds_evidence(bucket: Resource) -> bool:
    name = f"{bucket.id} {bucket.get('BucketName')}".lower()
    return "evidence" in name or "audit" in name or bool(bucket.get("ObjectLockConfiguration"))


def _weak(bucket: Resource, least: int) -> Iterator[tuple[tuple[str, ...], str]]:
    place = ("ObjectLockConfiguration", "Rule", "DefaultRetention")
    if str(bucket.get("ObjectLockEnabled", default=False)).lower() != "true":
        yield ("ObjectLockEnabled",), "has no object lock"
    retention = bucket.get(*place)
    if not isinstance(retention, dict):
        yield ("ObjectLockConfiguration",), "has no default retention"
        return
    if retention.get("Mode") != "COMPLIANCE":
        yield (*place, "Mode"), f"is locked in mode {retention.get('Mode')}"
    days = str(retention.get("Days", ""))
    years = str(retention.get("Years", ""))
    length = int(days) if days.isdigit() else int(years) * 365 if years.isdigit() else 0
    if length < least:
        yield (*place, "Days"), f"is locked for {length} days, less than {least}"
    for rule in bucket.get("LifecycleConfiguration", "Rules", default=[]):
        if isinstance(rule, dict) and any(key.startswith(_EXPIRING) for key in rule):
            yield (
                ("LifecycleConfiguration", f"rule {rule.get('Id', rule.get('Prefix', ''))}"),
                "lets evidence expire",
            )


def _flat(one: Statement, action: str, bucket: Resource) -> bool:
    everybody = any(is_everything(name) for _, name in one.principals)
    objects = any(every_object(text, bucket) for text in one.resources)
    return everybody and objects and "Condition" not in one.body and one.covers(action)
