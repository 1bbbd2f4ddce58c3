"""Rules in checkov's language: run by checkov itself, with the rule's own metadata; none is passed over in silence."""

import shutil
from pathlib import Path

import pytest

from pipeline.gate import fixtures
from pipeline.gate.engines import checkov
from pipeline.gate.engines.base import Context, EngineError
from pipeline.gate.findings import Finding
from pipeline.gate.rules import Rule, load
from tests import rules

EXAMPLE = Path(__file__).parent / "checkov"  # one rule, for a team that has such policies
RULES = [one for one in (*rules.RULES, *load(EXAMPLE)) if one.checkov]


def found(rule: Rule, path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What checkov says of a fixture by this rule."""
    monkeypatch.setattr(checkov, "load", lambda _: (rule,))
    context = Context(fixtures.project(rule, path), scratch)
    return [one for one in checkov.ENGINE.run(context) if one.rule == rule.id]


def _cases(kind: str) -> pytest.MarkDecorator:
    """A fixture of this kind each, of every rule."""
    cases = [
        pytest.param(rule, path, id=f"{rule.id}-{path.name}")
        for rule in RULES
        for path in rule.fixtures(kind)
    ]
    return pytest.mark.parametrize(("rule", "path"), cases)


@pytest.mark.slow
@_cases("bad")
def test_bad_fixture(rule: Rule, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported at exactly the marked lines, as the rule's own finding."""
    findings = found(rule, path, tmp_path, monkeypatch)

    assert fixtures.marked(fixtures.project(rule, path)) == {(one.file, one.line) for one in findings}
    assert {(rule.title, rule.severity, rule.remediation, rule.controls)} == {
        (one.title, one.severity, one.remediation, one.controls) for one in findings
    }


@pytest.mark.slow
@_cases("good")
def test_good_fixture(rule: Rule, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of it is reported."""
    assert [] == found(rule, path, tmp_path, monkeypatch)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The example, to be broken: the path of its policy."""
    shutil.copytree(EXAMPLE, tmp_path / "policies")
    return tmp_path / "policies/storage/topic_encrypted/rule.yaml"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ESCLUSA_TOPIC_ENCRYPTED", "CKV2_TOPIC"),
        ("metadata:", "- metadata:"),
        ("operator: exists", "operator: is_there"),
    ],
)
def test_a_policy_that_checkov_passes_over(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    """It gives no verdict: a check that silently doesn't happen would be a pass."""
    text = copy.read_text(encoding="utf-8")
    assert old in text
    copy.write_text(text.replace(old, new), encoding="utf-8")
    (rule,) = load(copy.parents[2])

    with pytest.raises(EngineError, match=r"ESCLUSA_TOPIC_ENCRYPTED was not loaded|status [1-9]"):
        found(rule, copy.parent / "bad.yaml", tmp_path, monkeypatch)
