"""Functions behind an API without an alias, or whose version hangs on the code alone."""

from collections.abc import Iterator

from pipeline.source import secrets
from pipeline.source.functions import releases, routes, served
from pipeline.source.project import Project
from pipeline.source.stacks import Stack, dig
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        aliases = {
            name for one in stack.of_type("AWS::Lambda::Alias") for name in refers(one.get("FunctionName"))
        }
        for name in sorted(served(stack)):
            function = stack.resources[name]
            if name not in aliases:
                yield at(
                    function,
                    f"{name} has no alias: the API calls what was uploaded last",
                    "AutoPublishAlias",
                    fact="AutoPublishAlias",
                )
                continue
            body = stack.source["Resources"].get(name, {})
            if body.get("Type") != "AWS::Serverless::Function":
                continue
            shared = dig(stack.source, "Globals", "Function", default={})
            own = dig(
                body, "Properties", "AutoPublishCodeSha256", default=dig(shared, "AutoPublishCodeSha256")
            )
            if not secrets.mentioned(own) & releases(stack):
                yield at(
                    function,
                    "a changed setting alone publishes no version",
                    "AutoPublishCodeSha256",
                    fact="AutoPublishCodeSha256",
                )
            yield from _direct(stack, name)


def _direct(stack: Stack, name: str) -> Iterator[Violation]:
    for route in routes(stack):
        if name in route.targets:
            yield route.violation(f"{route.method} {route.path} calls {name} itself, not its alias")
