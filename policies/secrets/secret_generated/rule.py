"""Secrets with a literal value, a weak or an incomplete one."""

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_NEEDED = ("engine", "host", "username")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        rotated = {
            name
            for schedule in stack.of_type("AWS::SecretsManager::RotationSchedule")
            for name in refers(schedule.get("SecretId"))
        }
        for secret in stack.of_type("AWS::SecretsManager::Secret"):
            if "SecretString" in secret.properties:
                yield at(
                    secret, "the secret's value stands in the template", "SecretString", fact="SecretString"
                )
                continue
            made = secret.get("GenerateSecretString")
            if not isinstance(made, dict):
                yield at(
                    secret,
                    "the secret is made without a value: GenerateSecretString is missing",
                    fact="GenerateSecretString",
                )
                continue
            yield from _weak(secret, made)
            if secret.id in rotated:
                yield from _incomplete(secret, made)


def _weak(secret: Resource, made: dict[str, Any]) -> Iterator[Violation]:
    length = str(made.get("PasswordLength", 32))
    if not length.isdigit() or int(length) < 32:
        place = ("GenerateSecretString", "PasswordLength")
        yield at(
            secret, f"the password has {length} characters, fewer than 32", *place, fact="PasswordLength"
        )
    weaker = ("ExcludeNumbers", "ExcludeLowercase", "ExcludeUppercase")
    for key in (key for key in weaker if _true(made.get(key))):
        yield at(secret, f"{key} makes the password weaker", "GenerateSecretString", key, fact=key)
    if len(str(made.get("ExcludeCharacters", ""))) > 32:
        place = ("GenerateSecretString", "ExcludeCharacters")
        yield at(secret, "ExcludeCharacters leaves few characters", *place, fact="ExcludeCharacters")


def _incomplete(secret: Resource, made: dict[str, Any]) -> Iterator[Violation]:
    place = ("GenerateSecretString", "SecretStringTemplate")
    text = str(made.get("SecretStringTemplate", ""))
    # A hole stands where a number or a text will be: a number fits both in JSON once quotes are gone.
    try:
        template = json.loads(re.sub(r"\$\{[^}]*\}", "0", text)) if text else {}
    except json.JSONDecodeError as error:
        yield at(secret, f"SecretStringTemplate is not JSON: {error}", *place, fact="SecretStringTemplate")
        return
    if not template and made.get("GenerateStringKey") not in (None, "password"):
        return  # a key that signs: it belongs to no user of any system
    missing = [key for key in _NEEDED if not template.get(key)]
    if missing:
        yield at(
            secret,
            f"SecretStringTemplate lacks {', '.join(missing)}, which rotation needs",
            *place,
            fact=f"SecretStringTemplate without {', '.join(missing)}",
        )
    if "password" in template:
        yield at(
            secret,
            "SecretStringTemplate holds a password: it must be generated",
            *place,
            fact="SecretStringTemplate with a password",
        )
    if made.get("GenerateStringKey") != "password":
        yield at(
            secret,
            "GenerateStringKey is not `password`",
            "GenerateSecretString",
            "GenerateStringKey",
            fact="GenerateStringKey",
        )


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
