"""Values of SSM-typed parameters that name no parameter of the environment's bootstrap, or another than elsewhere."""

from collections import Counter
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation, at_parameter


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
                yield at_parameter(
                    environment, f"the bootstrap makes no SSM parameter {value}", name, fact=str(value)
                )
    yield from _unlike(project)


def _unlike(project: Project) -> Iterator[Violation]:
    """An environment that reads a parameter from another place than the others do, but for its own name."""
    places = [
        (environment, name, value.replace(f"/{environment.name}/", "/*/"))
        for environment in project.environments
        for name, value in environment.parameters.items()
        if value.startswith("/")
    ]
    for environment, name, place in places:
        of_all = Counter(other for _, called, other in places if called == name)
        usual, times = of_all.most_common(1)[0]
        if place != usual and times > 1:
            text = f"{name} is read from {place}, and from {usual} in the other environments"
            yield at_parameter(environment, text, name, fact=place)
