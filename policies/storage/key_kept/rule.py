"""Keys without rotation, disabled, deletable within days, or too weak to sign."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.violations import Violation, at, at_template

_SIGNING = (
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_EDWARDS25519",
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for key in stack.of_type("AWS::KMS::Key"):
            for place, why in _weak(key, project.settings.number("days.key_deletion")):
                yield at(key, f"{key.id} {why}", place, fact=place)
        signing = [key for key in stack.of_type("AWS::KMS::Key") if key.get("KeyUsage") == "SIGN_VERIFY"]
        if stack in project.bootstrap and any(stack.of_type("AWS::KMS::Key")) and not signing:
            yield at_template(
                stack, "no key of the bootstrap signs evidence", "Resources", fact="no signing key"
            )


def _weak(key: Resource, least: int) -> Iterator[tuple[str, str]]:
    spec = str(key.get("KeySpec", default="SYMMETRIC_DEFAULT"))
    signs = key.get("KeyUsage") == "SIGN_VERIFY"
    if spec == "SYMMETRIC_DEFAULT" and str(key.get("EnableKeyRotation", default=False)).lower() != "true":
        yield "EnableKeyRotation", "is not rotated"
    if signs and spec not in _SIGNING:
        yield "KeySpec", f"signs with {spec}"
    if str(key.get("Enabled", default=True)).lower() == "false":
        yield "Enabled", "is switched off"
    window = str(key.get("PendingWindowInDays", default=30))
    if not window.isdigit() or int(window) < least:
        yield "PendingWindowInDays", f"can be deleted after {window} days, less than {least}"
    if str(key.get("BypassPolicyLockoutSafetyCheck", default=False)).lower() == "true":
        yield "BypassPolicyLockoutSafetyCheck", "can lock everybody out"
