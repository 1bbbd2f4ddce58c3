"""Every rule folder: its bad fixtures fail at each marked line, its good ones pass, and all are loaded."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.gate import fixtures
from pipeline.gate.engines import own
from pipeline.gate.findings import Finding
from pipeline.gate.rules import Rule
from tests.rules import RULES

POLICIES = Path(__file__).parents[2] / "policies"


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, path, id=f"{rule.id}-{path.name}")
        for rule in RULES
        for path in rule.fixtures(kind)
    ]


def test_every_folder_is_a_loaded_rule() -> None:
    """No folder is passed over: the ids loaded are the names of the folders."""
    found = {path.parent.name for path in POLICIES.glob("*/*/*") if path.name != "__pycache__"}

    assert found == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_explains_itself(rule: Rule) -> None:
    """Each rule says what, why and how to mend, and has a good and a bad fixture."""
    assert rule.title
    assert rule.controls
    assert len(rule.rationale) > 40
    assert len(rule.remediation) > 20
    assert list(rule.fixtures("good"))
    assert list(rule.fixtures("bad"))


@pytest.mark.parametrize(("rule", "path"), _cases("bad"))
def test_bad_fixture_fails_at_each_mark(rule: Rule, path: Path) -> None:
    """A bad fixture is reported by its rule at exactly the marked lines; without marks (JSON) anywhere."""
    project = fixtures.project(rule, path)
    found = {(finding.file, finding.line) for finding in own.apply(rule, project)}

    assert list(own.unreadable(project)) == []
    if marks := fixtures.marked(project):
        assert found == marks
    else:
        assert found


def _fact(finding: Finding) -> tuple[str, str, str | None]:
    """What a waiver names of a finding, beside its rule."""
    return finding.subject, finding.fact, finding.environment


@pytest.mark.parametrize(("rule", "path"), _cases("bad"))
def test_two_facts_of_a_bad_fixture_are_never_called_the_same(rule: Rule, path: Path) -> None:
    """A waiver is of one fact: what the rule says in other words of the same resource has another one."""
    told = defaultdict(set)
    for finding in own.apply(rule, fixtures.project(rule, path)):
        told[_fact(finding)].add(finding.message)

    assert {fact: said for fact, said in told.items() if len(said) > 1} == {}
    assert not [fact for fact in told if fact[1] in ('""', "None") or set(fact[1]) <= set("*? ")]


# By the end of its name, a line that means nothing in a file.
_COMMENTS = {
    **dict.fromkeys(
        (".yml", ".yaml", ".toml", ".py", ".txt", ".lock", ".pem", "Makefile", "CODEOWNERS", "run"),
        b"# moved\n",
    ),
    ".sql": b"-- moved\n",
    ".md": b"\n",
}


def _moved(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with three more lines at the top of each that takes a comment."""
    added = {
        name: next((text for end, text in _COMMENTS.items() if name.endswith(end)), b"") for name in files
    }
    return {name: added[name] * 3 + content for name, content in files.items()}


@pytest.mark.parametrize(("rule", "path"), _cases("bad"))
def test_a_fact_stays_while_lines_move(rule: Rule, path: Path) -> None:
    """A waiver goes on to hold when something is written above of what it covers."""
    before = fixtures.project(rule, path)
    after = dataclasses.replace(before, files=_moved(before.files))
    found = [list(own.apply(rule, one)) for one in (before, after)]

    assert [one.line for one in found[0]] != [one.line for one in found[1]] or all(
        one.line == 1 or one.file.endswith(".json") for one in found[0]
    )
    assert {_fact(one) for one in found[0]} == {_fact(one) for one in found[1]}


@pytest.mark.parametrize(("rule", "path"), _cases("good"))
def test_good_fixture_passes(rule: Rule, path: Path) -> None:
    """A good fixture has no finding of its rule."""
    project = fixtures.project(rule, path)

    assert list(own.apply(rule, project)) == []
    assert list(own.unreadable(project)) == []
