"""Secrets with a literal value, a weak or an incomplete one.

One with neither SecretString nor GenerateSecretString is empty until somebody puts a value into it, such as the key
that a provider gave out: there is nothing of it to judge in a template.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at

_NEEDED = ("engine", "host", "username")
# The platform's own function, which knows two shapes: a database's user, and a key that signs. What another function
# makes of a secret is its own affair.
_HANDLER = "rotation.function.handler"
_SIGNS = "signing_key"


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        schedules = list(stack.of_type("AWS::SecretsManager::RotationSchedule"))
        for secret in stack.of_type("AWS::SecretsManager::Secret"):
            rotations = [one for one in schedules if secret.id in refers(one.get("SecretId"))]
            if "SecretString" in secret.properties:
                yield at(
                    secret, "the secret's value stands in the template", "SecretString", fact="SecretString"
                )
                continue
            made = secret.get("GenerateSecretString")
            if isinstance(made, dict):
                yield from _weak(secret, made)
                if handlers := {_handler(stack, one) for one in rotations} & {_HANDLER, ""}:
                    yield from _incomplete(secret, made, ours=handlers == {_HANDLER})
            elif rotations or "GenerateSecretString" in secret.properties:
                yield at(
                    secret,
                    "the secret is made without a value, and rotated: GenerateSecretString is missing",
                    fact="GenerateSecretString",
                )


def _handler(stack: Stack, schedule: Resource) -> str:
    """The code that carries a rotation out; '' for AWS's own, and for what the template doesn't tell."""
    for name in refers(schedule.get("RotationLambdaARN")):
        if function := stack.resources.get(name):
            return str(function.get("Handler", default=""))
    return ""


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


def _incomplete(secret: Resource, made: dict[str, Any], *, ours: bool) -> Iterator[Violation]:
    place = ("GenerateSecretString", "SecretStringTemplate")
    text = str(made.get("SecretStringTemplate", ""))
    # A hole stands where a number or a text will be: a number fits both in JSON once quotes are gone.
    try:
        template = json.loads(re.sub(r"\$\{[^}]*\}", "0", text)) if text else {}
    except json.JSONDecodeError as error:
        yield at(secret, f"SecretStringTemplate is not JSON: {error}", *place, fact="SecretStringTemplate")
        return
    key = made.get("GenerateStringKey")
    if not template and key not in (None, "password"):
        if ours and key != _SIGNS:
            place = ("GenerateSecretString", "GenerateStringKey")
            message = f"rotation knows a `password` and a `{_SIGNS}`, and no {key}"
            yield at(secret, message, *place, fact="GenerateStringKey")
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
    if key != "password":
        yield at(
            secret,
            "GenerateStringKey is not `password`",
            "GenerateSecretString",
            "GenerateStringKey",
            fact="GenerateStringKey",
        )


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
