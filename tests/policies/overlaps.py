"""What the gate's tools say of the examples of our own rules, so that a fact which two of them tell is seen."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.base.run import CHECKOUT, run
from pipeline.gate import fixtures
from pipeline.gate.engines import checkov_driver, own
from pipeline.gate.rules import Rule, load
from pipeline.source.environments import SAMCONFIG
from pipeline.source.project import APPLICATION, BOOTSTRAP, Project
from pipeline.source.stacks import Resource, Stack
from tests.policies.test_seeds import CLEAN, ROOT, SEEDS

RULES = {rule.id: rule for rule in load(CHECKOUT / "policies")}
_EACH = 150  # resources in a file: checkov's time grows faster than the number in one


@dataclass(frozen=True, eq=False)
class Example:
    """A project that breaks a rule, or keeps it."""

    name: str
    project: Project


@cache
def told(rule: str, example: Example) -> frozenset[tuple[str, str]]:
    """The (environment, resource in the source) of a rule's findings in an example."""
    found = own.apply(RULES[rule], example.project)
    return frozenset((one.environment or "", one.resource or "") for one in found)


@cache
def fixtures_of(kind: str) -> tuple[tuple[Rule, Example], ...]:
    """Every rule with each of its examples of a kind, bad or good."""
    return tuple(
        (rule, Example(f"{rule.id}/{path.name}", fixtures.project(rule, path)))
        for rule in RULES.values()
        for path in rule.fixtures(kind)
    )


@cache
def seeded() -> tuple[tuple[tuple[Rule, ...], Example], ...]:
    """Every seed of the templates and their settings, with the rules that may tell it."""
    return tuple(
        (
            tuple(RULES[name] for name in seed.rules.split() if name in RULES),
            Example(f"seed {seed.name}", Project(ROOT, _prods(seed.apply(CLEAN)[0]))),
        )
        for _, seed in SEEDS
        if seed.file in (APPLICATION, BOOTSTRAP, SAMCONFIG)
    )


def changed(example: Example) -> Iterator[Resource]:
    """prod's resources that a seed changed or added."""
    before = {(one.file, one.id): _form(one) for stack in clean().stacks for one in stack.resources.values()}
    for stack in example.project.stacks:
        if stack.environment.name == "prod":
            for one in stack.resources.values():
                if before.get((one.file, one.id)) != _form(one):
                    yield one


def _body(resource: Resource) -> Any:
    """The resource as the engine shows it to checkov."""
    return resource.stack.once("for tools", Stack.for_tools)["Resources"][resource.id]


@cache
def clean() -> Project:
    return Project(ROOT, _prods(CLEAN))


def _prods(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with prod as the only environment: a template is expanded once, not three times."""
    tables = re.split(r"^(?=\[)", files[SAMCONFIG].decode(), flags=re.MULTILINE)
    kept = [one for one in tables if not one.startswith("[") or one.startswith("[prod.")]
    return {**files, SAMCONFIG: "".join(kept).encode()}


def _form(resource: Resource) -> str:
    return json.dumps([resource.type, resource.properties, resource.attributes], default=str, sort_keys=True)


def checkov(resources: Iterable[Resource], scratch: Path) -> list[tuple[Resource, str]]:
    """Each resource with each check of checkov's that it fails, all of them on."""
    listed = list(resources)
    bodies = {f"R{number}": _body(one) for number, one in enumerate(listed)}
    folder, mark = scratch / "resources", scratch / "mark"
    folder.mkdir()
    mark.touch()
    names = list(bodies)
    for start in range(0, len(names), _EACH):
        part = {"Resources": {name: bodies[name] for name in names[start : start + _EACH]}}
        text = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", **part}, default=str)
        (folder / f"{start}.json").write_text(text, encoding="utf-8")
    python = CHECKOUT / ".tools/policy/bin/python"
    options = (
        "--framework",
        "cloudformation",
        "--skip-download",
        "--output",
        "json",
        "--soft-fail",
        "--quiet",
    )
    done = run([python, "-P", checkov_driver.__file__, mark, folder, *options], cwd=scratch)
    report = json.loads(done.stdout)
    results = report["results"]
    assert [] == results.get("parsing_errors", [])
    return [
        (listed[int(str(one["resource"]).rpartition(".R")[2])], str(one["check_id"]))
        for one in results["failed_checks"]
    ]
