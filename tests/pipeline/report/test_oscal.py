"""OSCAL assessment results."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.gate.findings import Stage
from pipeline.gate.verdict import EngineRun
from pipeline.report import oscal
from tests.pipeline.report.sample import ENGINES, FINDINGS, evidence
from tests.pipeline.report.schemas import faults

SCHEMA = f"oscal-assessment-results-{oscal.VERSION}.json"
LINT_ALONE: dict[str, object] = {
    "engines": (EngineRun("lint", "cfn-lint", ("cfn_lint-1.58.0",), 3.0),),
    "stages": (Stage("lint", "passed", 3.0),),
    "findings": (),
    "unjudged": False,
}


def result(**changes: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(oscal.render(evidence(**changes)))
    return dict(document["assessment-results"]["results"][0])


def states(**changes: object) -> dict[str, str]:
    """The state of each control that was reviewed."""
    return {
        one["target"]["target-id"]: one["target"]["status"]["state"]
        for one in result(**changes).get("findings", [])
    }


def walk(value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a document with its key."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                yield key, item
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


@pytest.mark.parametrize(
    "changes",
    [{}, {"findings": ()}, {"findings": FINDINGS[:1], "commit": None}, LINT_ALONE],
    ids=["all", "clean", "no commit", "lint alone"],
)
def test_document_keeps_to_the_schema(changes: dict[str, object]) -> None:
    """The document is valid by NIST's schema, whatever ran and whatever was found."""
    assert [] == faults(SCHEMA, oscal.render(evidence(**changes)))


def test_schema_is_looked_at() -> None:
    """The schema refuses what is wrong: a property's name with a blank."""
    assert faults(SCHEMA, oscal.render(evidence()).replace('"name": "severity"', '"name": "how bad"'))


def test_same_verdict_gives_the_same_document() -> None:
    """Identifiers are made from content, not drawn."""
    assert oscal.render(evidence()) == oscal.render(evidence())


def test_references_lead_somewhere() -> None:
    """Every identifier that is referred to is defined, and none is defined twice."""
    document = json.loads(oscal.render(evidence()))
    texts = list(walk(document))
    defined = [text for key, text in texts if key == "uuid"]
    referred = {text for key, text in texts if re.search(r"-uuid$", key)}
    referred |= {text[1:] for key, text in texts if key == "href" and text.startswith("#")}

    assert len(defined) == len(set(defined))
    assert set() == referred - set(defined)


def test_control_is_satisfied_by_its_rules() -> None:
    """A control with an open finding is not satisfied, one whose findings are waived is; ids are NIST's own."""
    expected = {
        "ac-6_smt": "satisfied",
        "ac-6.1_smt": "satisfied",
        "au-2_smt": "satisfied",
        "ia-5_smt": "satisfied",
        "ia-5.7_smt": "not-satisfied",
    }

    assert expected == states()


def test_controls_without_a_verdict_are_not_reviewed() -> None:
    """Where the rules gave no verdict, no control is satisfied: only what failed is told."""
    engines = [EngineRun("policy", "rules", (), 1.0, broken="2 rules raised"), *ENGINES]

    assert {"ia-5.7_smt": "not-satisfied"} == states(
        engines=[one for one in engines if one.name != "rules" or one.broken]
    )
    assert {} == states(**LINT_ALONE)


def test_waiver_is_an_approved_deviation() -> None:
    """A waived finding is a risk with its reason, its people and its last day."""
    risk = next(one for one in result()["risks"] if one["status"] == "deviation-approved")

    assert "2026-12-10T23:59:59Z" == risk["deadline"]
    assert "owner Ada Ledger, approved by Grace Auditor" in risk["mitigating-factors"][0][
        "description"
    ].replace("\\", "")
