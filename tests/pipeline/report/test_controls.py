"""The rules by control."""

from pathlib import Path

from pipeline.gate.rules import FRAMEWORKS, load
from pipeline.report.controls import by_framework, titles
from tests.pipeline.report.sample import evidence

POLICIES = Path(__file__).parents[3] / "policies"


def test_controls_stand_in_the_order_of_their_numbers() -> None:
    """AC-6 comes before AC-6(1), and both before AU-2."""
    found = [one.number for one in by_framework(evidence())["NIST"]]

    assert ["AC-6", "AC-6(1)", "AU-2", "IA-5", "IA-5(7)"] == found


def test_outcome_is_the_worst_of_the_rules() -> None:
    """A control is what its worst rule is; without a verdict of the rules nothing has passed."""
    judged = {one.number: one.outcome for one in by_framework(evidence())["NIST"]}
    unjudged = {one.number: one.outcome for one in by_framework(evidence(engines=()))["NIST"]}

    assert {
        "AC-6": "passed",
        "AC-6(1)": "passed",
        "AU-2": "waived",
        "IA-5": "passed",
        "IA-5(7)": "failed",
    } == judged
    assert {"failed", "not judged"} == set(unjudged.values())


def test_every_framework_is_told() -> None:
    """A framework that no rule serves is shown as such, not left out."""
    assert list(FRAMEWORKS) == list(by_framework(evidence()))


def test_every_named_control_exists() -> None:
    """Each control that a rule names stands in policies/controls.toml: a mistyped one proves nothing."""
    known = {f"{key} {number}" for key, numbers in titles().items() for number in numbers}
    named = {control for rule in load(POLICIES) for control in rule.controls}

    assert set() == named - known
