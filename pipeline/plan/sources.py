"""The stacks of a commit: its template in each environment, with that commit's settings."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from pipeline.source import code
from pipeline.source.configuration import FILE
from pipeline.source.environments import Environment, environments
from pipeline.source.expansion import ExpansionError
from pipeline.source.located import Document, DocumentError, parse
from pipeline.source.project import APPLICATION
from pipeline.source.stacks import Stack, build


def stacks(commit: str, repository: Path) -> dict[str, Stack]:
    """Each environment's stack at `commit`, but for the laptop's. Raises ConfigurationError."""
    template, settings = (_document(commit, name, repository) for name in (APPLICATION, FILE))
    if template is None or settings is None:
        return {}
    found = {}
    for environment in environments(settings):
        if not environment.laptop:
            found[environment.name] = expanded(template, environment, environment.parameters)
    return found


def bundled(
    environment: str, text: str, files: Mapping[str, str], values: Mapping[str, str], repository: Path
) -> Stack:
    """The template of a bundle as `values` deploy it, each function's code named by its digest, so that other code is
    a change. `files` are the bundle's, by name. Raises ConfigurationError."""
    settings = document((repository / FILE).read_text(encoding="utf-8"), FILE)
    one = next((one for one in environments(settings) if one.name == environment), None)
    if one is None:
        raise ConfigurationError(f"{FILE} has no environment {environment!r}.")
    template = document(text, APPLICATION)
    for properties in code.holders(template.data):
        if (archive := str(properties.get("CodeUri"))) in files:
            properties["CodeUri"] = f"s3://packaged/{files[archive]}"
    return expanded(template, replace(one, parameters=dict(values)), values)


def expanded(template: Document, environment: Environment, parameters: Mapping[str, str]) -> Stack:
    """The template as the transform expands it. Raises ConfigurationError where it doesn't."""
    try:
        return build(template, environment, dict(parameters))
    except ExpansionError as error:
        raise ConfigurationError(
            f"{template.file} does not expand for {environment.name}: {error}", "Run: pipeline lint"
        ) from error


def document(text: str, name: str) -> Document:
    """A parsed file. Raises ConfigurationError with its name and line."""
    try:
        return parse(text, name)
    except DocumentError as error:
        raise ConfigurationError(f"{name}:{error.line}: {error.message}", "Run: pipeline lint") from error


def content(commit: str, name: str, repository: Path) -> str | None:
    """A file's text at a commit; None when the commit has no such file."""
    done = run(["git", "show", f"{commit}:{name}"], cwd=repository, check=False)
    return done.stdout if done.status == 0 else None


def _document(commit: str, name: str, repository: Path) -> Document | None:
    text = content(commit, name, repository)
    return None if text is None else document(text, name)
