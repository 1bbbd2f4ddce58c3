"""Values of SSM-typed parameters that name no parameter of the environment's bootstrap."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at_parameter
from pipeline.gate.stacks import dig


def check(project: Project) -> Iterator[Violation]:
    made = {
        stack.environment.name: {str(one.get("Name")) for one in stack.of_type("AWS::SSM::Parameter")}
        for stack in project.bootstrap
    }
    for stack in project.application:
        environment = stack.environment
        for name, body in stack.section("Parameters").items():
            kind = str(dig(body, "Type", default=""))
            if not kind.startswith("AWS::SSM::Parameter::"):
                continue
            value = environment.parameters.get(name, dig(body, "Default"))
            known_names = made.get(environment.name)
            if value and known_names and value not in known_names:
                yield at_parameter(environment, f"the bootstrap makes no SSM parameter {value}", name)
