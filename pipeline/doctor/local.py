"""The repository: whose names stand in it, what is missing, how near its limits are."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.delivery import bundle
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG, Remark, limit
from pipeline.gate.engines import own
from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.findings import Finding
from pipeline.gate.rules import Rule, load
from pipeline.iam import grants
from pipeline.source import adoption, functions, quotas
from pipeline.source.adoption import TEAMS
from pipeline.source.project import APPLICATION, BOOTSTRAP, Project
from pipeline.source.stacks import Stack

NAMES, PARTS, LIMITS = "names", "parts", "limits"
# The rules of the gate that say whether all is there which a first deployment needs.
_RULES = {
    "application_described": "[application] fits the template: routes of health, address, code",
    "environment_complete": "each environment's table is complete",
    "handler_exists": "each function's handler is there",
    "lock_current": "the lock is there, and of this pyproject.toml",
    "owners_kept": "what guards the gate has owners of its own",
    "settings_bounded": "the settings of the gate can be taken",
}
_LESS_EVENTS = (
    "Each event of a function adds a statement. Give several routes one path with a parameter, give some of them to "
    "another function, or bring the routes as an OpenAPI document with one permission for the API."
)


def look(root: Path) -> Iterator[Remark]:
    """All that can be said without an account. Nothing is changed, and nothing kept."""
    yield from _names(root)
    project = Project.load(root)
    for problem in project.problems:
        yield Remark(
            PARTS, problem.file, UNKNOWN, f"{problem.file}:{problem.line}: {problem.message}", "Mend it."
        )
    yield from _parts(project)
    yield from _limits(project)
    yield from _archives(root)


# Names ----------------------------------------------------------------------------------------------------


def _names(root: Path) -> Iterator[Remark]:
    """What init writes, and still has the names that the repository came with."""
    try:
        found = sorted(adoption.standing(root, adoption.example()), key=lambda one: (one.what, one.name))
    except PipelineError as error:
        yield Remark(NAMES, "samconfig.toml", UNKNOWN, error.message, error.hint)
        return
    for (what, name), places in groupby(found, key=lambda one: (one.what, one.name)):
        first, *more = places
        told = f"{name} is the example's: {first.file}:{first.line}"
        if more:
            told += f" and {len(more)} more place{'' if len(more) == 1 else 's'}"
        yield Remark(NAMES, what, WRONG, told, "Run: bin/pipeline init")
    if not found:
        yield Remark(NAMES, "names", OK, "none of the example's stands where init writes")


# What has to be there -------------------------------------------------------------------------------------


def _parts(project: Project) -> Iterator[Remark]:
    rules = {rule.id: rule for rule in load(CHECKOUT / "policies")}
    for name, said in _RULES.items():
        try:
            found = _told(rules[name], project)
        except Exception as error:  # as in the gate: whatever a rule raises, nothing was judged
            yield Remark(PARTS, said, UNKNOWN, f"{name} raised {type(error).__name__}: {error}")
            continue
        for finding in found:
            told = f"{finding.file}:{finding.line}: {finding.message}"
            yield Remark(PARTS, said, WRONG, told, finding.remediation)
        if not found:
            yield Remark(PARTS, said, OK, "yes")
    owners = project.text(adoption.OWNERS)
    for team, path in TEAMS.items():
        if not any(row.split()[:1] == [path] and row.split()[1:] for row in owners.splitlines()):
            told = f"{adoption.OWNERS} gives {path} to nobody"
            yield Remark(PARTS, f"who reviews as {team}", WRONG, told, f"Add a line: {path} @ORG/TEAM")


def _told(rule: Rule, project: Project) -> list[Finding]:
    """A rule's findings, one for what several environments share."""
    unique = {(one.file, one.line, one.message): one for one in own.apply(rule, project)}
    return list(unique.values())


# Limits ---------------------------------------------------------------------------------------------------


def _limits(project: Project) -> Iterator[Remark]:
    """How near each is, in the environment where it is nearest."""
    found: dict[str, Remark] = {}
    for one in _each(project):
        kept = found.get(one.what)
        if kept is None or (one.used or 0) > (kept.used or 0):
            found[one.what] = one
    yield from found.values()
    document = project.document(BOOTSTRAP)
    size = len(document.compact.encode()) if document is not None else 0
    yield limit(
        *(LIMITS, f"{BOOTSTRAP}, as an administrator deploys it", size, quotas.INLINE_TEMPLATE, "bytes"),
        "Take resource types or actions off the lists in policies/settings.toml.",
    )


def _each(project: Project) -> Iterator[Remark]:
    size = len(project.files.get(APPLICATION, b""))
    split = "Give a part of the resources to an application of its own."
    yield limit(LIMITS, f"{APPLICATION}, by way of S3", size, quotas.STORED_TEMPLATE, "bytes", split)
    for stack in project.application:
        expanded = len(json.dumps(stack.expanded, separators=(",", ":"), default=str).encode())
        told = f"{APPLICATION} as the transform expands it"
        yield limit(LIMITS, told, expanded, quotas.STORED_TEMPLATE, "bytes", split)
        for section, most in quotas.SECTIONS.items():
            yield limit(
                LIMITS, f"{section} of {APPLICATION}", len(stack.section(section)), most, "entries", split
            )
        for target, (count, used) in quotas.resource_policies(stack).items():
            told = f"resource policy of {target}, {count} statement{'' if count == 1 else 's'}"
            yield limit(LIMITS, told, used, quotas.RESOURCE_POLICY, "bytes", _LESS_EVENTS)
        for function in functions.functions(stack):
            used = quotas.variables(function)
            resolve = (
                "Keep long values in a parameter of SSM or in the bundle, and give the function their name."
            )
            yield limit(LIMITS, f"variables of {function.id}", used, quotas.VARIABLES, "bytes", resolve)
    for stack in (*project.application, *project.bootstrap):
        yield from _policies(stack)


def _policies(stack: Stack) -> Iterator[Remark]:
    for resource, size, most in grants.sizes(stack):
        if size:
            what = f"policies of {resource.id} ({resource.file})"
            resolve = "Say less in it: patterns of names instead of lists, one statement for what is alike."
            yield limit(LIMITS, what, size, most, "characters", resolve)


def _archives(root: Path) -> Iterator[Remark]:
    """Each function's code, as the bundle of HEAD has it."""
    what = "code of the functions"
    with tempfile.TemporaryDirectory(prefix="doctor-") as scratch:
        try:
            made = bundle.build(root, Path(scratch) / "bundle")
        except PipelineError as error:
            yield Remark(LIMITS, what, UNKNOWN, f"no bundle of HEAD: {error.message}", error.hint)
            return
        for name in made.archives:
            path = made.path(name)
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            resolve = "Take packages out of the code's group in pyproject.toml, or split the functions' code."
            yield limit(LIMITS, f"{name}, unpacked", unpacked, quotas.UNPACKED, "bytes", resolve)
            packed = path.stat().st_size
            if packed > quotas.UPLOADED:
                told = f"{packed:,} bytes; more than {quotas.UPLOADED:,} go by way of S3 alone, as the pipeline does"
                yield Remark(LIMITS, name, NOTE, told, resolve, packed, quotas.UPLOADED, "bytes")
