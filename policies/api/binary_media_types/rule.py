"""REST APIs before a function that don't take every type for binary."""

from collections.abc import Iterator

from pipeline.iam.statements import texts
from pipeline.source.functions import served
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        if not served(stack):
            continue
        for api in stack.of_type("AWS::ApiGateway::RestApi"):
            kinds = texts(api.get("BinaryMediaTypes"))
            kinds += texts(api.get("Body", "x-amazon-apigateway-binary-media-types"))
            if "*/*" not in (kind.replace("~1", "/") for kind in kinds):
                yield at(
                    api,
                    "binary answers would arrive as Base64 text",
                    "BinaryMediaTypes",
                    fact="BinaryMediaTypes",
                )
