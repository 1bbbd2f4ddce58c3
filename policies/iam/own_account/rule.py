"""ARNs and numbers of other accounts, as values of a resource's properties and of deployment settings."""

import re
from collections.abc import Iterator

from pipeline.source.located import Place, texts_in
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at, at_setting

_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^:]*:(\d{12}):")
_NUMBER = re.compile(r"\d{12}")
_KEYS = ("Account", "AccountId", "SourceAccount", "Owner")
# Judged by rules of their own: principals of policies, layers.
_OTHERS = ("Principal", "Layers", "AssumeRolePolicyDocument")
_SETTINGS = ("notification_arns", "kms_key_id")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        own = stack.environment.account
        for resource in stack.resources.values():
            for place, key, text in texts_in(resource.properties):
                for account in _accounts(place, text):
                    if account != own:
                        yield at(
                            resource,
                            f"{resource.id} names a thing of account {account}",
                            *place,
                            fact=f"{account} in {key} {text}",
                        )
    for environment in project.environments:
        for name in _SETTINGS:
            for account in _ARN.findall(str(environment.setting(name) or "")):
                if account != environment.account:
                    yield at_setting(
                        environment,
                        f"{name} names a thing of account {account}",
                        name,
                        fact=f"{name} {account}",
                    )


def _accounts(place: Place, text: str) -> list[str]:
    if not set(_OTHERS).isdisjoint(place):
        return []
    if place[-1] in _KEYS and _NUMBER.fullmatch(text):
        return [text]
    return _ARN.findall(text)
