"""Policies of auditors that allow more than reading."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import IDENTITY, Statement, statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_READERS = re.compile(r"audit|reader|read-?only|viewer|observer", re.IGNORECASE)
_READING = re.compile(
    r"[a-z0-9-]+:(Get|List|Describe|View|Head|Lookup|Search|Select|Query|Scan|Check|Verify|BatchGet|Filter|Start(Query|LiveTail))\w*\*?",
    re.IGNORECASE,
)
_SESSION = re.compile(r".*/POST/[^*]*sessions")  # a session's beginning changes nothing but the session


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in statements(stack):
            names = ("ManagedPolicyName", "PolicyName", "RoleName", "UserName", "GroupName")
            called = " ".join([one.resource.id, *(str(one.resource.get(name, default="")) for name in names)])
            if one.kind == IDENTITY and one.allows and _READERS.search(called):
                yield from _more(one)


def _more(one: Statement) -> Iterator[Violation]:
    for action in one.actions:
        if action.lower() == "execute-api:invoke":
            for index, text in enumerate(one.resources):
                method = (*text.split("/", 3), "", "", "")[2]
                if method not in ("GET", "HEAD") and not _SESSION.fullmatch(text):
                    why = f"a reader may call {method or 'every method'} of the API"
                    yield one.violation(why, "Resource", index, fact=f"{action} on {text}")
        elif action.lower() == "kms:decrypt" and one.demanded("kms:ViaService"):
            continue  # a service shows what it keeps under a key, to who may read it there
        elif not _READING.fullmatch(action):
            yield one.violation(f"a reader may {action}", "Action", fact=action)
    if "NotAction" in one.body:
        yield one.violation("a reader may do all but what NotAction names", "NotAction", fact=one.grant)
