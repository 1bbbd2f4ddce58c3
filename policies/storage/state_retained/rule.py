"""Buckets, keys, secrets, databases, queues and the like that go with their stack."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.stateful import holds_state
from pipeline.source.violations import Violation, at

# What would bar its name to the next stack if it were kept: a parameter, whose value the template says again, and a log
# group, whose lines end by its retention anyway.
_NAMED_AGAIN = ("AWS::SSM::Parameter", "AWS::Logs::LogGroup")
_KEPT = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Retain", "Snapshot"),
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.resources.values():
            if not holds_state(resource.type) or resource.type in _NAMED_AGAIN or _of_cluster(resource):
                continue
            for key, values in _KEPT.items():
                found = resource.attributes.get(key)
                if found not in values:
                    yield at(resource, f"{key} of {resource.id} is {found or 'missing'}", key, fact=key)


def _of_cluster(resource: Resource) -> bool:
    """Whether it is an instance of Aurora, whose data are its cluster's."""
    return resource.type == "AWS::RDS::DBInstance" and bool(resource.get("DBClusterIdentifier"))
