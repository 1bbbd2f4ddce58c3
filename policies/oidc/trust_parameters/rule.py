"""Parameters that a trusted subject is built from, and that take more than a name or a number."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_template

# A value that each must take, and what none may: it would make another subject of it.
_GOOD = {
    "GitHubOwner": "octo",
    "GitHubRepository": "ledger",
    "GitHubOwnerId": "1001",
    "GitHubRepositoryId": "2002",
    "GitHubBranch": "release/main",
}
_NEVER = ("*", "octo*", "a/b", "a:b", "a@1", "", "?", "a b", "octo/cat:environment:prod", "${x}")
# It may have a slash in it, and a default: a wrong one lets nobody in.
_BRANCH = "GitHubBranch"


def check(project: Project) -> Iterator[Violation]:
    for stack in project.bootstrap:
        parameters = stack.source.get("Parameters") or {}
        for name, good in _GOOD.items():
            body = parameters.get(name)
            if not isinstance(body, dict):
                continue
            place = ("Parameters", name)
            pattern = body.get("AllowedPattern")
            try:
                allowed = re.compile(str(pattern)) if pattern is not None else None
            except re.error:
                allowed = None
            if allowed is None or any(
                allowed.fullmatch(text) for text in _NEVER if (name, text) != (_BRANCH, "a/b")
            ):
                yield at_template(
                    stack, f"{name} takes more than one name", *place, "AllowedPattern", fact="AllowedPattern"
                )
            elif not allowed.fullmatch(good) or (name.endswith("Id") and allowed.fullmatch("octo")):
                yield at_template(
                    stack,
                    f"{name} doesn't take what GitHub gives",
                    *place,
                    "AllowedPattern",
                    fact="AllowedPattern",
                )
            if "Default" in body and name != _BRANCH:
                yield at_template(
                    stack,
                    f"{name} has a default: every repository is another's",
                    *place,
                    "Default",
                    fact="Default",
                )
