"""Whether the application, as samconfig.toml describes it, fits the template and the commit that it stands in."""

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.source.application import BUILT, Application
from pipeline.source.code import uses
from pipeline.source.configuration import APPLICATION, FILE
from pipeline.source.located import Document, Place
from pipeline.source.packages import LOCK, locked

_CODE = (
    "Let CodeUri be build/NAME/, and say in [application.code.NAME] of samconfig.toml what that is made of."
)
_PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Misfit:
    """What one of the files says and another doesn't, at a line of the one to mend; `resource` is a function's id."""

    file: str
    line: int
    message: str
    hint: str
    resource: str = ""


def misfits(
    application: Application,
    settings: Document,
    template: Document,
    pyproject: Document | None,
    lock: str,
    files: Collection[str],
) -> Iterator[Misfit]:
    """Code without a table, a table without a function, folders, groups and outputs that aren't there.

    `files` are the commit's, by name; `lock` is the text of uv.lock.
    """
    yield from functions(application, template)
    used = {use.name for use in uses(template.data)}
    groups, locked_groups = _asked(pyproject), _locked(lock)
    for name, code in application.code.items():
        place: Place = (APPLICATION, "code", name)
        if name not in used:
            message = f"no function of {template.file} has CodeUri: {code.uri}"
            yield _setting(settings, place, message, "Remove the table, or let a function run that code.")
        for index, folder in enumerate(code.folders):
            if not any(file.startswith(f"{folder}/") for file in files):
                message = f"the code {name} has the folder {folder}, which doesn't exist"
                yield _setting(settings, (*place, "folders", index), message, "Name one of this repository.")
        if (group := _normal(code.group)) not in groups:
            message = f"the code {name} has the group {code.group}, which {_PYPROJECT} doesn't have"
            yield _setting(settings, (*place, "group"), message, "Add it to [dependency-groups].")
        elif group not in locked_groups:
            message = f"the code {name} has the group {code.group}, which {LOCK} doesn't have"
            yield _setting(settings, (*place, "group"), message, "Run: make lock")
    outputs = template.data.get("Outputs") if isinstance(template.data, dict) else None
    if application.url not in (outputs if isinstance(outputs, dict) else {}):
        message = f"url names the output {application.url}, which {template.file} doesn't have"
        yield _setting(settings, (APPLICATION, "url"), message, "Name the output with the API's address.")


def functions(application: Application, template: Document) -> Iterator[Misfit]:
    """Functions whose code no table tells of."""
    for use in uses(template.data):
        if use.name in application.code:
            continue
        line = template.line(*use.place)
        if use.uri is None:
            message = f"{use.function} doesn't say what code it runs"
        elif use.name is None:
            message = f"the code of {use.function} is not from the bundle, which holds what CodeUri names in {BUILT}/"
        else:
            message = f"the code of {use.function} is {use.uri}; {FILE} has no [application.code.{use.name}]"
        yield Misfit(template.file, line, message, _CODE, use.function)


def _setting(settings: Document, place: Place, message: str, hint: str) -> Misfit:
    return Misfit(settings.file, settings.line(*place), message, hint)


def _asked(pyproject: Document | None) -> set[str]:
    groups = pyproject.data.get("dependency-groups") if pyproject is not None else None
    return {_normal(name) for name in groups} if isinstance(groups, dict) else set()


def _locked(lock: str) -> set[str]:
    """The groups that the lock was made for: those of the package that is this repository itself."""
    try:
        own = [one for one in locked(lock) if {"virtual", "editable"} & one.get("source", {}).keys()]
    except (tomllib.TOMLDecodeError, AttributeError):
        return set()
    return {_normal(name) for one in own for name in one.get("metadata", {}).get("requires-dev", {})}


def _normal(name: str) -> str:
    """A group's name as it is compared (PEP 735)."""
    return re.sub(r"[-_.]+", "-", name).lower()
