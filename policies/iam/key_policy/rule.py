"""Key policies with whole-key rights beyond the account, and signing by others than the deploy role."""

import json
from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, RESOURCE, Statement, is_everything, statements
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        found = [one for one in statements(stack) if one.kind in (RESOURCE, IDENTITY)]
        for key in stack.of_type("AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
            signs = key.get("KeyUsage") == "SIGN_VERIFY"
            own = [one for one in found if one.resource.id == key.id and one.allows]
            for one in own:
                root = all(name.endswith(":root") for _, name in one.principals)
                wide = [action for action in one.actions if action.lower() in ("kms:*", "*")]
                if wide and not root:
                    yield one.violation(
                        f"{wide[0]} is more than this principal needs",
                        "Action",
                        fact=f"{wide[0]} for {one.who}",
                    )
                if signs and one.covers("kms:Sign") and not _is_deploy(stack, one):
                    yield one.violation(
                        "others than the deploy role may sign", "Action", fact=f"kms:Sign for {one.who}"
                    )
                if one.covers("kms:CreateGrant") and not root and "Condition" not in one.body:
                    yield one.violation(
                        "grants can be made without kms:GrantIsForAWSResource",
                        "Action",
                        fact=f"kms:CreateGrant for {one.who}",
                    )
            if not own:
                yield at(
                    key, "the key has no policy, so it has the default one", "KeyPolicy", fact="KeyPolicy"
                )
        for one in found:
            decrypts = one.kind == IDENTITY and one.allows and one.covers("kms:Decrypt")
            if decrypts and any(
                is_everything(text) or text.endswith((":key/*", ":alias/*")) for text in one.resources
            ):
                yield one.violation(
                    "kms:Decrypt on every key of the account",
                    "Resource",
                    fact=f"kms:Decrypt on {', '.join(one.resources)}",
                )


def _is_deploy(stack: Stack, one: Statement) -> bool:
    """Whether every principal is a role of this stack that a workflow becomes."""
    names = {name for _, text in one.principals for name in refers(text)}
    roles = [stack.resources[name] for name in names if name in stack.resources]
    federated = all("Federated" in json.dumps(role.properties) for role in roles)
    return bool(roles) and len(one.principals) == len(roles) and federated
