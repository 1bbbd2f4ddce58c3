"""REST APIs before a WSGI adapter that don't take every type for binary."""

import re
from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.functions import served
from pipeline.source.project import Project
from pipeline.source.stacks import Resource
from pipeline.source.violations import Violation, at

# Adapters, which answer in Base64 what is no text; ours by its module.
_ADAPTER = re.compile(
    r"^\s*(from|import)\s+(app\.wsgi|awsgi|apig_wsgi|serverless_wsgi|mangum)\b|^\s*from\s+app\s+import\b.*\bwsgi\b",
    re.MULTILINE,
)


def check(project: Project) -> Iterator[Violation]:
    for stack in project.application:
        adapted = {name for name in served(stack) if _is_adapted(project, stack.resources[name])}
        if not adapted:
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


def _is_adapted(project: Project, function: Resource) -> bool:
    """Whether the file of the function's handler, wherever in the repository it lies, imports an adapter."""
    module = str(function.get("Handler", default="")).rpartition(".")[0].replace(".", "/")
    files = (f"{module}.py", f"{module}/__init__.py")
    lies = [
        file
        for file in project.files
        if file.endswith(files) and f"/{file}".endswith(tuple(f"/{one}" for one in files))
    ]
    return bool(module) and any(_ADAPTER.search(project.text(file)) for file in lies)
