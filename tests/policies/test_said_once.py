"""A fact is told once: what a tool's check tells that is off, a rule of our own tells; and no two tell the same."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.base.run import run, tool
from pipeline.gate.engines import cfn_lint, checkov, own, zizmor
from pipeline.gate.engines.base import Context
from pipeline.gate.fixtures import _SETTINGS
from pipeline.source.environments import SAMCONFIG
from pipeline.source.project import APPLICATION, Project
from pipeline.source.stacks import Resource
from tests.policies import overlaps
from tests.policies.overlaps import RULES, Example
from tests.policies.test_seeds import CLEAN, OF_TOOLS, ROOT

pytestmark = pytest.mark.proof  # the tools, on hundreds of templates

CASES = yaml.safe_load(Path(__file__).with_name("said.yaml").read_text(encoding="utf-8"))
ENGINES = {"checkov": checkov.ENGINE, "cfn-lint": cfn_lint.ENGINE, "zizmor": zizmor.ENGINE}
# Checks that are on and fail beside a rule's finding on the same resource of an example, but tell something else.
APART = {
    ("CKV_AWS_21", "inline_skip"): "an example's bucket without versions",
    ("CKV_AWS_21", "own_account"): "an example's bucket without versions",
    ("CKV_AWS_23", "database_guarded"): "a group's rule without a description",
    ("CKV_AWS_51", "state_retained"): "tags of a bare repository of images",
    ("CKV_AWS_64", "state_retained"): "encryption of a bare warehouse",
    ("CKV_AWS_71", "state_retained"): "logs of a bare warehouse",
    ("CKV_AWS_87", "state_retained"): "the network of a bare warehouse",
    ("CKV_AWS_118", "database_guarded"): "monitoring of a seed's database",
    ("CKV_AWS_136", "state_retained"): "encryption of a bare repository of images",
    ("CKV_AWS_154", "state_retained"): "the network of a bare warehouse",
    ("CKV_AWS_157", "database_guarded"): "a second zone for a seed's database",
    ("CKV_AWS_163", "state_retained"): "scans of a bare repository of images",
}


def _example(resources: list[dict[str, Any]]) -> Example:
    """A template with these resources, called R0 and so on."""
    body = yaml.safe_dump({"Resources": {f"R{number}": one for number, one in enumerate(resources)}})
    return Example("said.yaml", Project(Path(), {APPLICATION: body.encode(), SAMCONFIG: _SETTINGS}))


FAULTY = [(check, resource) for check, resources in CASES["faulty"].items() for resource in resources]
SOUND = [(case["check"], case["resource"]) for case in CASES["sound"]]


@pytest.fixture(scope="module")
def written() -> dict[str, Example]:
    """The resources of said.yaml as templates: those with a fault, and those without."""
    return {"faulty": _example([one for _, one in FAULTY]), "sound": _example([one for _, one in SOUND])}


type Failure = tuple[str, Example, Resource, str]  # where it is from, and what fails which check


@pytest.fixture(scope="module")
def failures(written: dict[str, Example], tmp_path_factory: pytest.TempPathFactory) -> list[Failure]:
    """What checkov says, with every check on, of said.yaml, of all examples of rules, and of all seeds."""
    known: dict[int, tuple[str, Example, Resource]] = {}
    for kind, example, resource in _resources(written):
        known[id(resource)] = (kind, example, resource)
    listed = [resource for _, _, resource in known.values()]
    found = overlaps.checkov(listed, tmp_path_factory.mktemp("checkov"))
    return [(*known[id(resource)], check) for resource, check in found]


def _resources(written: dict[str, Example]) -> Iterator[tuple[str, Example, Resource]]:
    examples = list(written.items())
    examples += [(kind, example) for kind in ("bad", "good") for _, example in overlaps.fixtures_of(kind)]
    for kind, example in examples:
        for stack in example.project.stacks:
            yield from ((kind, example, resource) for resource in stack.resources.values())
    for _, example in overlaps.seeded():
        yield from (("seed", example, resource) for resource in overlaps.changed(example))
    clean = Example("clean", overlaps.clean())
    for stack in clean.project.stacks:
        yield from (("clean", clean, resource) for resource in stack.resources.values())


def _tells(rule: str, example: Example, resource: Resource) -> bool:
    return (resource.stack.environment.name, resource.source) in overlaps.told(rule, example)


def test_what_is_off_is_a_rule_s() -> None:
    """Each check that is off for a rule's sake names rules that there are, and has a resource that breaks it."""
    named = {name for names in checkov.SAID.values() for name in names}
    named |= {*cfn_lint.SAID.values(), *zizmor.SAID.values()}

    assert set() == named - RULES.keys()
    assert checkov.SAID.keys() == CASES["faulty"].keys()


def test_checkov_fails_what_is_written_for_it(failures: list[Failure]) -> None:
    """Each resource of said.yaml fails the check under which it stands: it is no example else."""
    failed = {(kind, resource.id, check) for kind, _, resource, check in failures}
    expected = {("faulty", f"R{number}", check) for number, (check, _) in enumerate(FAULTY)}
    expected |= {("sound", f"R{number}", check) for number, (check, _) in enumerate(SOUND)}

    assert set() == expected - failed


def test_rule_tells_what_a_check_that_is_off_fails(failures: list[Failure]) -> None:
    """In said.yaml, all examples of rules and all seeds: one of the named rules tells each such resource."""
    missed = [
        (check, example.name, resource.id)
        for kind, example, resource, check in failures
        if kind in ("faulty", "bad", "seed") and check in checkov.SAID and not _is_apart(resource)
        if not any(_tells(rule, example, resource) for rule in checkov.SAID[check])
    ]

    assert [] == missed


def _is_apart(resource: Resource) -> bool:
    """Whether it is a boundary, which grants nothing and has rules of its own, or what no transform expanded."""
    boundary = resource.type == "AWS::IAM::ManagedPolicy" and "Boundary" in resource.id
    return boundary or resource.type.startswith("AWS::Serverless::")


def test_no_rule_tells_what_is_sound(failures: list[Failure]) -> None:
    """A check that is off was wrong about these, and a rule that took its place isn't."""
    told = [
        (check, resource.id)
        for kind, example, resource, check in failures
        if kind == "sound" and (check, resource.id) in {(c, f"R{n}") for n, (c, _) in enumerate(SOUND)}
        if any(_tells(rule, example, resource) for rule in checkov.SAID[check])
    ]

    assert [] == told


def test_no_check_that_is_on_tells_a_rule_s_fact(failures: list[Failure]) -> None:
    """None fails where a rule's own bad example or seed is told, and not where it is kept: but for what is apart."""
    off = checkov.SAID.keys() | checkov.OFF.keys()
    kept: dict[str, set[str]] = defaultdict(set)
    clean = {(one.file, one.id, check) for kind, _, one, check in failures if kind == "clean"}
    for kind, example, _, check in failures:
        if kind == "good":
            kept[example.name.partition("/")[0]].add(check)
    rules = {example.name: [rule.id] for rule, example in overlaps.fixtures_of("bad")}
    rules |= {example.name: [rule.id for rule in listed] for listed, example in overlaps.seeded()}
    twice = {
        (check, rule)
        for kind, example, resource, check in failures
        if kind in ("bad", "seed") and check not in off and (resource.file, resource.id, check) not in clean
        for rule in rules[example.name]
        if not (kind == "bad" and check in kept[rule]) and _tells(rule, example, resource)
    }

    assert set(APART) == twice


@pytest.mark.parametrize("tool", ENGINES)
def test_tool_tells_the_seeds_that_are_its_own(tool: str, tmp_path: Path) -> None:
    """What a tool alone tells, since a rule of ours would repeat it: each at its line, of all seeds at once."""
    files, expected = dict(CLEAN), set()
    for seed in sorted((one for one in OF_TOOLS if one.tool == tool), key=lambda one: -one.new.count("\n")):
        files, line = seed.apply(files)
        expected.add((seed.rules.removeprefix("cfn-lint/").removeprefix("checkov/"), seed.file, line))
    context = Context(Project(ROOT, files), tmp_path)
    found = {(one.rule, one.file, one.line) for one in ENGINES[tool].run(context)}

    assert expected
    assert set() == expected - found


def test_rule_tells_what_cfn_lint_is_not_asked_for(tmp_path: Path) -> None:
    """Each rule of cfn-lint's that is off has a template in which it tells something, and ours tells it, too."""
    templates = CASES["cfn-lint"]
    for name, template in templates.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(template, sort_keys=False), encoding="utf-8")
    files = sorted(tmp_path.iterdir())
    options = ("--format", "json", "--mandatory-checks", "E", "W", "--regions", "eu-west-1", "--")
    output = run([tool("cfn-lint"), *options, *files], cwd=tmp_path, check=False).stdout
    told = {(Path(one["Filename"]).stem, one["Rule"]["Id"]) for one in json.loads(output)}
    ours = {name: _findings(cfn_lint.SAID[name], template) for name, template in templates.items()}

    assert cfn_lint.SAID.keys() == templates.keys()
    assert {(name, name) for name in templates} <= told
    assert [] == [
        name for name, findings in ours.items() if not findings & {"One", *_forgotten(templates[name])}
    ]


def _findings(rule: str, template: dict[str, Any]) -> set[str]:
    body = yaml.safe_dump(template, sort_keys=False).encode()
    files = {APPLICATION: body, SAMCONFIG: _SETTINGS, ".python-version": b"3.13\n"}
    return {one.resource or "" for one in own.apply(RULES[rule], Project(Path(), files))}


def _forgotten(template: dict[str, Any]) -> set[str]:
    """The names of what isn't a resource."""
    return {
        name
        for section in ("Parameters", "Mappings", "Conditions", "Outputs")
        for name in template.get(section, {})
    }


@pytest.mark.parametrize("audit", zizmor.SAID)
def test_rule_tells_what_zizmor_is_not_asked_for(
    audit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each audit of zizmor's that is off tells each job that stands under it, and ours tells the same lines."""
    jobs = {f"job{number}": job for number, job in enumerate(CASES["zizmor"][audit])}
    file = ".github/workflows/checks.yml"
    workflow = yaml.safe_dump({"name": "x", "on": "push", "permissions": {}, "jobs": jobs}, sort_keys=False)
    project = Project(
        Path(), {file: workflow.encode(), SAMCONFIG: _SETTINGS, APPLICATION: b"Resources: {}\n"}
    )
    ours = {one.line for one in own.apply(RULES[zizmor.SAID[audit]], project)}
    monkeypatch.setattr(zizmor, "SAID", {})
    found = {
        one.line for one in zizmor.ENGINE.run(Context(project, tmp_path)) if one.rule == f"zizmor/{audit}"
    }

    assert len(found) > 1
    assert set() == found - ours
