"""A breach of a rule, at the line that a developer wrote."""

from dataclasses import dataclass, field

from pipeline.source.environments import Environment
from pipeline.source.located import Document, Step
from pipeline.source.stacks import Resource, Stack


@dataclass(frozen=True)
class Violation:
    """One breach of one rule. `line` is 1-based, in the file that a developer wrote.

    `fact` is what is wrong, in a few words: a property's name, an action, `POST /hook`. It differs from that of the
    rule's other violations on the resource (on the file, where there is none), and doesn't change while lines move:
    no line numbers, no counts, nothing that is measured. A waiver names it, and covers nothing else.
    """

    message: str
    file: str
    line: int
    resource: str = ""
    environment: str = ""
    fact: str = field(kw_only=True)


def at(resource: Resource, message: str, *place: Step, fact: str) -> Violation:
    """A violation at a property of a resource."""
    name, line = resource.stack.environment.name, resource.line(*place)
    return Violation(message, resource.file, line, resource.source, name, fact=fact)


def at_template(stack: Stack, message: str, *place: Step, fact: str) -> Violation:
    """A violation at a place of the source template, such as ("Outputs", "Url")."""
    name, line = str(place[1]) if len(place) > 1 else "", stack.document.line(*place)
    return Violation(message, stack.document.file, line, name, stack.environment.name, fact=fact)


def at_setting(
    environment: Environment, message: str, setting: str, command: str = "deploy", *, fact: str
) -> Violation:
    """A violation at a setting of samconfig.toml."""
    file, line = environment.document.file, environment.line(setting, command)
    return Violation(message, file, line, "", environment.name, fact=fact)


def at_parameter(environment: Environment, message: str, name: str, *, fact: str) -> Violation:
    """A violation at a parameter's override in samconfig.toml."""
    file, line = environment.document.file, environment.parameter_line(name)
    return Violation(message, file, line, name, environment.name, fact=fact)


def at_document(document: Document, message: str, *place: Step, fact: str) -> Violation:
    """A violation at a place of any parsed file."""
    return Violation(message, document.file, document.line(*place), fact=fact)
