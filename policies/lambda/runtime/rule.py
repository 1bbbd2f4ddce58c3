"""Functions on another runtime than .python-version, or on no single architecture."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.functions import functions
from pipeline.source.project import Project
from pipeline.source.settings import RUNTIMES
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    built = ".".join(project.text(".python-version").strip().split(".")[:2])
    for stack in project.stacks:
        for function in functions(stack):
            if function.get("PackageType") == "Image":
                yield at(
                    function,
                    f"{function.id} runs from an image, which the gate can't judge",
                    "PackageType",
                    fact="PackageType",
                )
                continue
            runtime = str(function.get("Runtime", default="missing"))
            if runtime not in project.settings.names(RUNTIMES) or (built and runtime != f"python{built}"):
                wanted = f"python{built}" if built else "a supported Python"
                yield at(function, f"the runtime is {runtime}, not {wanted}", "Runtime", fact="Runtime")
            if function.get("RuntimeManagementConfig", "UpdateRuntimeOn", default="Auto") == "Manual":
                place = ("RuntimeManagementConfig", "UpdateRuntimeOn")
                yield at(
                    function,
                    f"{function.id} stays on a runtime that nobody mends",
                    *place,
                    fact="UpdateRuntimeOn",
                )
            variables = function.get("Environment", "Variables", default={})
            if "AWS_LAMBDA_EXEC_WRAPPER" in (variables if isinstance(variables, dict) else {}):
                where = ("Environment", "Variables", "AWS_LAMBDA_EXEC_WRAPPER")
                yield at(
                    function,
                    f"{function.id} is started by another program",
                    *where,
                    fact="AWS_LAMBDA_EXEC_WRAPPER",
                )
            names = texts(function.get("Architectures", default=["x86_64"]))
            if len(names) != 1 or names[0] not in ("arm64", "x86_64"):
                yield at(
                    function, f"the architecture is {', '.join(names)}", "Architectures", fact="Architectures"
                )
