"""Lifecycle rules that delete current objects of the bucket with bundles."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation, at

_SLOW = ("'GLACIER'", "'DEEP_ARCHIVE'")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.bootstrap:
        for bucket in stack.of_type("AWS::S3::Bucket"):
            name = f"{bucket.id} {bucket.get('BucketName')}".lower()
            if "artifact" not in name and "bundle" not in name:
                continue
            for index, rule in enumerate(bucket.get("LifecycleConfiguration", "Rules", default=[])):
                keys = [key for key in ("ExpirationInDays", "ExpirationDate") if dig(rule, key)]
                if keys and dig(rule, "Status") == "Enabled":
                    yield at(
                        bucket,
                        "bundles expire",
                        "LifecycleConfiguration",
                        "Rules",
                        index,
                        keys[0],
                        fact=f"{keys[0]} of {dig(rule, 'Id', default='a rule')}",
                    )
                for key in ("Transitions", "Transition"):
                    if any(name in str(dig(rule, key)) for name in _SLOW):
                        why = "bundles move to where it takes hours to read them, a rollback's too"
                        yield at(
                            bucket,
                            why,
                            "LifecycleConfiguration",
                            "Rules",
                            index,
                            key,
                            fact=f"{key} of {dig(rule, 'Id', default='a rule')}",
                        )
