"""Function URLs that ask nobody who calls, or that go past the API."""

from collections.abc import Iterator

from pipeline.source.functions import served, through_aliases
from pipeline.source.project import Project
from pipeline.source.values import refers
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for url in stack.of_type("AWS::Lambda::Url"):
            if url.get("AuthType") != "AWS_IAM":
                yield at(
                    url,
                    "the function URL is open to everybody",
                    "FunctionUrlConfig",
                    "AuthType",
                    fact="AuthType",
                )
            elif through_aliases(stack, refers(url.get("TargetFunctionArn"))) & served(stack):
                text = "the function URL goes past the API, its authorizer, throttling and logs"
                yield at(url, text, "FunctionUrlConfig", "AuthType", fact="past the API")
        for permission in stack.of_type("AWS::Lambda::Permission"):
            if permission.get("FunctionUrlAuthType") == "NONE" and permission.id == permission.source:
                yield at(
                    permission,
                    "the permission opens a function URL to everybody",
                    "FunctionUrlAuthType",
                    fact="FunctionUrlAuthType",
                )
