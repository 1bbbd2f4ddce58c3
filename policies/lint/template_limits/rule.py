"""Templates over CloudFormation's limits, and names that services refuse."""

import re
from collections.abc import Iterator

from pipeline.iam import grants
from pipeline.source import quotas
from pipeline.source.project import BOOTSTRAP, Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import known
from pipeline.source.violations import Violation, at, at_template

_NAMES: dict[str, tuple[str, str]] = {
    "AWS::Lambda::Function": ("FunctionName", r"[A-Za-z0-9_-]{1,64}"),
    "AWS::S3::Bucket": ("BucketName", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "AWS::IAM::Role": ("RoleName", r"[\w+=,.@-]{1,64}"),
    "AWS::SQS::Queue": ("QueueName", r"[A-Za-z0-9_-]{1,80}"),
    "AWS::SNS::Topic": ("TopicName", r"[A-Za-z0-9_-]{1,256}"),
    "AWS::Logs::LogGroup": ("LogGroupName", r"[\w#/.-]{1,512}"),
}


def _strange(resource: Resource) -> str:
    """A character that IAM refuses in a description: it takes Latin-1 alone."""
    text = resource.get("Description", default="") if resource.type.startswith("AWS::IAM::") else ""
    return next((one for one in str(text) if one > "\u00ff"), "")


def _too_much(stack: Stack) -> Iterator[Violation]:
    for section, most in quotas.SECTIONS.items():
        if len(stack.section(section)) > most:
            yield at_template(stack, f"the template has more than {most} {section}", section, fact=section)
    for resource, why in grants.too_long(stack):
        yield at(resource, f"{resource.id}: {why}", fact="its size")


def _too_large(project: Project) -> Iterator[Violation]:
    for file in sorted({stack.document.file for stack in project.stacks}):
        size, most = len(project.files[file]), quotas.STORED_TEMPLATE
        document = project.document(file) if file == BOOTSTRAP else None
        if document is not None:
            size, most = len(document.compact.encode()), quotas.INLINE_TEMPLATE
        if size > most:
            yield Violation(f"the template has {size} bytes, and AWS takes {most}", file, 1, fact="its size")


def _too_many_callers(stack: Stack) -> Iterator[Violation]:
    """Functions whose policy outgrows what Lambda takes: by the permissions that events become."""
    for target, (_, size) in quotas.resource_policies(stack).items():
        if size > quotas.RESOURCE_POLICY:
            said = f"the events of {target} make a policy of {size} bytes, and Lambda takes {quotas.RESOURCE_POLICY}"
            yield at(stack.resources[target], f"{said}: share routes", fact=f"the policy of {target}")


def check(project: Project) -> Iterator[Violation]:
    yield from _too_large(project)
    for stack in project.stacks:
        yield from _too_much(stack)
        yield from _too_many_callers(stack)
        seen: dict[tuple[str, str], str] = {}
        for resource in stack.resources.values():
            if strange := _strange(resource):
                text = f"IAM takes no {strange!r} in a description"
                yield at(resource, text, "Description", fact=f"Description {strange!r}")
            if resource.type not in _NAMES:
                continue
            key, pattern = _NAMES[resource.type]
            name = resource.get(key)
            if not isinstance(name, str) or not known(name):
                continue
            if not re.fullmatch(pattern, name):
                yield at(resource, f"{key} {name} is not a name that AWS accepts", key, fact=key)
            other = seen.setdefault((resource.type, name), resource.id)
            if other != resource.id:
                yield at(
                    resource,
                    f"{resource.id} and {other} are both called {name}",
                    key,
                    fact=f"{key} of {other}",
                )
