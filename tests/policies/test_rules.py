"""Every rule folder: its bad fixtures fail at each marked line, its good ones pass, and all are loaded."""

from pathlib import Path

import pytest

from pipeline.gate import fixtures
from pipeline.gate.engines import own
from pipeline.gate.rules import Rule
from tests.rules import RULES

POLICIES = Path(__file__).parents[2] / "policies"
OWN = [rule for rule in RULES if rule.check is not None]


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, path, id=f"{rule.id}-{path.name}") for rule in OWN for path in rule.fixtures(kind)
    ]


def test_every_folder_is_a_loaded_rule() -> None:
    """No folder is passed over: the ids loaded are the names of the folders."""
    found = {path.name for path in POLICIES.glob("*/*") if path.is_dir() and path.name != "__pycache__"}

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


@pytest.mark.parametrize(("rule", "path"), _cases("good"))
def test_good_fixture_passes(rule: Rule, path: Path) -> None:
    """A good fixture has no finding of its rule."""
    project = fixtures.project(rule, path)

    assert list(own.apply(rule, project)) == []
    assert list(own.unreadable(project)) == []
