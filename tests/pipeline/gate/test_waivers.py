"""Waivers cover one finding each, and stop doing so."""

import datetime as dt
from typing import Any

import pytest

from pipeline.gate import waivers
from pipeline.gate.findings import Finding
from pipeline.source.located import parse

TODAY = dt.date(2026, 6, 1)
GOOD = {
    "rule": "CKV_AWS_18",
    "resource": "Bucket",
    "reason": "it receives the logs of the others",
    "owner": "ana",
    "approver": "bo",
    "ticket": "OPS-1",
    "expires": "2026-09-01",
}


def _document(*entries: dict[str, str]) -> Any:
    rows = []
    for entry in entries:
        rows.append("[[waiver]]")
        rows += [f"{key} = {value if key == 'expires' else repr(value)}" for key, value in entry.items()]
    return parse("\n".join(rows) + "\n", waivers.FILE)


def _finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {"rule": "CKV_AWS_18", "title": "t", "severity": "high", "tool": "checkov"}
    fields |= {"file": "template.yaml", "line": 1, "message": "m", "resource": "Bucket", "environment": "dev"}
    return Finding(**(fields | changes))


def _applied(document: Any, *findings: Finding, judged: tuple[str, ...] = ("checkov",)) -> list[Finding]:
    valid, faults = waivers.read(document, TODAY)

    assert faults == []
    return waivers.apply(valid, findings, document, judged)


def test_waiver_covers_its_finding_in_every_environment() -> None:
    """Rule and resource decide; without an environment, all are covered."""
    applied = _applied(_document(GOOD), _finding(), _finding(environment="prod"))

    assert [one.waiver for one in applied] == ["CKV_AWS_18:Bucket", "CKV_AWS_18:Bucket"]


@pytest.mark.parametrize("change", [{"rule": "CKV_AWS_19"}, {"resource": "Other"}, {"environment": "dev"}])
def test_waiver_covers_nothing_else(change: dict[str, str]) -> None:
    """Another rule, resource or environment is still open, and a waiver without use fails."""
    applied = _applied(_document(GOOD | {"environment": "prod"}), _finding(**change))

    assert [one.waiver for one in applied] == [None, None]
    assert applied[1].message.endswith("waives nothing")


def test_waiver_of_a_tool_that_did_not_run_is_not_unused() -> None:
    """`pipeline lint` can't tell whether a waiver for checkov has a use."""
    assert _applied(_document(GOOD), judged=("cfn-lint",)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expires": "2026-05-31"}, "expired on 2026-05-31"),
        ({"expires": "2027-01-01"}, "more than 180 days"),
        ({"expires": "'soon'"}, "no day"),
        ({"owner": ""}, "lacks 'owner'"),
        ({"owner": "TBD"}, "lacks 'owner'"),
        ({"approver": "Ana"}, "approved by its owner"),
        ({"ticket": "later"}, "no ticket"),
        ({"reason": "fine"}, "fewer than 20"),
        ({"rule": "CKV_*"}, "too wide"),
        ({"resource": "*"}, "too wide"),
        ({"resource": "template.yaml"}, "whole file"),
        ({"resource": "app/"}, "whole file"),
        ({"severity": "x"}, "no key 'severity'"),
    ],
)
def test_waiver_that_does_not_hold(change: dict[str, str], message: str) -> None:
    """A waiver without owner, end, ticket or aim waives nothing, and is a finding at its line."""
    valid, faults = waivers.read(_document(GOOD, GOOD | {"resource": "Other"} | change), TODAY)

    assert len(valid) == 1
    assert any(message in one.message for one in faults)
    assert {one.line for one in faults} == {9}


def test_last_day_counts() -> None:
    """A waiver holds on its last day, and not on the next."""
    document = _document(GOOD | {"expires": "2026-06-01"})

    assert len(waivers.read(document, TODAY)[0]) == 1
    assert waivers.read(document, TODAY + dt.timedelta(1))[0] == []


def test_second_waiver_for_the_same_is_a_fault() -> None:
    """Two waivers for one finding would hide that one of them ended."""
    faults = waivers.read(_document(GOOD, GOOD), TODAY)[1]

    assert "a second waiver" in faults[0].message


@pytest.mark.parametrize(
    ("rule", "tool"),
    [("CKV_AWS_1", "checkov"), ("E3002", "cfn-lint"), ("zizmor/x", "zizmor"), ("wildcard_action", "rules")],
)
def test_tool_of_a_rule(rule: str, tool: str) -> None:
    """A rule's id tells which engine it belongs to."""
    assert tool == waivers.tool_of(rule)
