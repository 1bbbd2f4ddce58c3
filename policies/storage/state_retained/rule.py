"""Buckets, keys, secrets, databases, queues, log groups and the like that go with their stack."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stateful import holds_state
from pipeline.source.violations import Violation, at

# A kept parameter would bar its name to the next stack, whose template says the value again.
_NAMED_AGAIN = "AWS::SSM::Parameter"
_KEPT = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Retain", "Snapshot"),
}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for resource in stack.resources.values():
            if not holds_state(resource.type) or resource.type == _NAMED_AGAIN:
                continue
            for key, values in _KEPT.items():
                found = resource.attributes.get(key)
                if found not in values:
                    yield at(resource, f"{key} of {resource.id} is {found or 'missing'}", key, fact=key)
