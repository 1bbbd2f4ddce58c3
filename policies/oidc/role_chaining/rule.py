"""Ways to a role that pass GitHub's token by, in workflows: keys, sessions, one role through another.

Whom trust policies let in beside is told by foreign_principal and public_principal.
"""

import re
from collections.abc import Iterator

from pipeline.source.located import Document
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document
from pipeline.source.workflows import WorkflowStep

_ACTION = "aws-actions/configure-aws-credentials"
_OTHER_WAYS = {
    "aws-access-key-id": "a stored key",
    "aws-secret-access-key": "a stored key",
    "aws-session-token": "a stored session",
    "web-identity-token-file": "a token from a file",
    "role-chaining": "another role's session",
    "use-existing-credentials": "credentials that are there already",
    "force-skip-oidc": "something else than the job's token",
    "output-credentials": "outputs that hold credentials",
}
_SCRIPT = re.compile(
    r"sts\s+(assume-role|get-session-token|get-federation-token)|assume_role\w*\(|ACTIONS_ID_TOKEN_REQUEST_|"
    r"aws\s+configure\s+(set|import)|export\s+AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE)\b|"
    r"core\.getIDToken"
)


def check(project: Project) -> Iterator[Violation]:
    for automation in project.automations:
        for step in automation.steps:
            yield from _step(automation.document, step)


def _step(document: Document, step: WorkflowStep) -> Iterator[Violation]:
    given = step.body.get("with")
    given = given if isinstance(given, dict) else {}
    if step.uses.lower().startswith(_ACTION):
        for key, what in _OTHER_WAYS.items():
            if key in given and str(given[key]).lower() not in ("false", ""):
                yield at_document(
                    document,
                    f"the credentials come by {what}",
                    *step.place,
                    "with",
                    key,
                    fact=f"{step.path}: {key}",
                )
    for text, place in ((step.run, ("run",)), (str(given.get("script") or ""), ("with", "script"))):
        for found in _SCRIPT.finditer(text):
            line = step.line_of(found[0].splitlines()[0], *place)
            yield Violation(
                f"`{found[0]}` gets credentials by another way",
                document.file,
                line,
                fact=f"{step.path}: {found[0]}",
            )
