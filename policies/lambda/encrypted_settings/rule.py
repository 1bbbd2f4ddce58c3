"""Functions with environment variables and no key of ours."""

from collections.abc import Iterator

from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for function in functions(stack):
            if function.get("Environment", "Variables") and not function.get("KmsKeyArn"):
                yield at(
                    function,
                    f"the settings of {function.id} are not encrypted with our key",
                    "KmsKeyArn",
                    fact="KmsKeyArn",
                )
            if str(function.get("RecursiveLoop", default="Terminate")) != "Terminate":
                yield at(
                    function,
                    f"{function.id} may call itself without end",
                    "RecursiveLoop",
                    fact="RecursiveLoop",
                )
