"""Statements that name another environment, its account, or every environment at once."""

import re
from collections.abc import Iterator

from pipeline.iam.statements import RESOURCE, TRUST, is_one_secret, statements
from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        others = [one for one in project.environments if one.name != stack.environment.name]
        for one in statements(stack):
            if not one.allows or one.kind in (TRUST, RESOURCE):
                continue
            for text in one.resources:
                if why := _why(text, stack.environment, others):
                    yield one.violation(f"{text} {why}", "Resource", fact=f"{one.deeds} on {text}")


def _why(text: str, own: Environment, others: list[Environment]) -> str:
    for other in others:
        if other.account and other.account != own.account and other.account in text:
            return f"lies in the account of {other.name}"
        names = (f"-{other.name}", f"/{other.name}/", f":{other.name}-")
        if any(_ends(text, name) for name in names):
            return f"belongs to {other.name}"
    stem = _stem(own, others)
    found = re.search(rf"(^|[:/]){re.escape(stem)}(?P<rest>[^:]*)", text) if stem else None
    wild = found and not is_one_secret(text) and re.match(r"[-/]?[*?]", found["rest"])
    return "takes in every environment" if wild else ""


def _ends(text: str, name: str) -> bool:
    """Whether a name occurs as a whole word of the text."""
    return re.search(rf"{re.escape(name)}(?![A-Za-z0-9])", text) is not None


def _stem(own: Environment, others: list[Environment]) -> str:
    """What the names of all stacks begin with, such as NAME of NAME-dev and NAME-prod."""
    stem = own.stack_name.removesuffix(own.name).rstrip("-/")
    return stem if stem and all(other.stack_name.startswith(stem) for other in others) else ""
