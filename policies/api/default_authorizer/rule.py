"""APIs of SAM without a default authoriser."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.violations import Violation, at, at_template

_TYPES = ("AWS::Serverless::Api", "AWS::Serverless::HttpApi")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        implicit = _has_events(stack) and not any(_bodies(stack))
        if implicit:
            yield at_template(
                stack,
                "the API that SAM makes by itself has no default authoriser",
                "Resources",
                fact="DefaultAuthorizer",
            )
        for name, body in _bodies(stack):
            resource = stack.resources.get(name)
            auth = stack.scope.resolve(dig(body, "Properties", "Auth", default={}))
            shared = dig(stack.source, "Globals", str(body["Type"]).rpartition(":")[2], "Auth", default={})
            given = dig(auth, "DefaultAuthorizer") or dig(stack.scope.resolve(shared), "DefaultAuthorizer")
            if resource is not None and (not given or str(given).upper() == "NONE"):
                yield at(
                    resource,
                    f"{name} has no default authoriser",
                    "Auth",
                    "DefaultAuthorizer",
                    fact="DefaultAuthorizer",
                )


def _bodies(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, body in stack.source["Resources"].items():
        if body["Type"] in _TYPES:
            yield name, body


def _has_events(stack: Stack) -> bool:
    events = (dig(body, "Properties", "Events", default={}) for body in stack.source["Resources"].values())
    found = [one for group in events if isinstance(group, dict) for one in group.values()]
    return any(isinstance(one, dict) and one.get("Type") in ("Api", "HttpApi") for one in found)
