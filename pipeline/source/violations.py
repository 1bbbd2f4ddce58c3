"""A breach of a rule, at the line that a developer wrote."""

from dataclasses import dataclass

from pipeline.source.environments import Environment
from pipeline.source.located import Document, Step
from pipeline.source.stacks import Resource, Stack


@dataclass(frozen=True)
class Violation:
    """One breach of one rule. `line` is 1-based, in the file that a developer wrote."""

    message: str
    file: str
    line: int
    resource: str = ""
    environment: str = ""


def at(resource: Resource, message: str, *place: Step) -> Violation:
    """A violation at a property of a resource."""
    return Violation(
        message, resource.file, resource.line(*place), resource.source, resource.stack.environment.name
    )


def at_template(stack: Stack, message: str, *place: Step) -> Violation:
    """A violation at a place of the source template, such as ("Outputs", "Url")."""
    name = str(place[1]) if len(place) > 1 else ""
    return Violation(message, stack.document.file, stack.document.line(*place), name, stack.environment.name)


def at_setting(environment: Environment, message: str, setting: str, command: str = "deploy") -> Violation:
    """A violation at a setting of samconfig.toml."""
    return Violation(
        message, environment.document.file, environment.line(setting, command), "", environment.name
    )


def at_parameter(environment: Environment, message: str, name: str) -> Violation:
    """A violation at a parameter's override in samconfig.toml."""
    return Violation(
        message, environment.document.file, environment.parameter_line(name), name, environment.name
    )


def at_document(document: Document, message: str, *place: Step) -> Violation:
    """A violation at a place of any parsed file."""
    return Violation(message, document.file, document.line(*place))
