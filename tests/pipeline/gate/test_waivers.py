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
    "fact": "LoggingConfiguration",
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
    fields |= {"fact": "LoggingConfiguration"}
    return Finding(**(fields | changes))


def _applied(document: Any, *findings: Finding, judged: tuple[str, ...] = ("checkov",)) -> list[Finding]:
    valid, faults = waivers.read(document, TODAY)

    assert faults == []
    return waivers.apply(valid, findings, document, judged)


def test_waiver_covers_its_finding_in_every_environment() -> None:
    """Rule, resource and fact decide; without an environment, all are covered."""
    applied = _applied(_document(GOOD), _finding(), _finding(environment="prod"))

    assert [one.waiver for one in applied] == ["CKV_AWS_18:Bucket:LoggingConfiguration"] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "CKV_AWS_19"},
        {"resource": "Other"},
        {"environment": "dev"},
        {"fact": "LoggingConfiguration.LogFilePrefix"},
        {"fact": "loggingconfiguration"},
        {"fact": "Logging"},
    ],
)
def test_waiver_covers_nothing_else(change: dict[str, str]) -> None:
    """Another rule, resource, fact or environment is still open, and a waiver without use fails."""
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
        ({"resource": "app/"}, "whole folder"),
        ({"fact": ""}, "lacks 'fact'"),
        ({"fact": "*"}, "too wide"),
        ({"fact": " ?* "}, "too wide"),
        ({"severity": "x"}, "no key 'severity'"),
    ],
)
def test_waiver_that_does_not_hold(change: dict[str, str], message: str) -> None:
    """A waiver without owner, end, ticket or aim waives nothing, and is a finding at its line."""
    valid, faults = waivers.read(_document(GOOD, GOOD | {"resource": "Other"} | change), TODAY)

    assert len(valid) == 1
    assert any(message in one.message for one in faults)
    assert {one.line for one in faults} == {10}


def test_last_day_counts() -> None:
    """A waiver holds on its last day, and not on the next."""
    document = _document(GOOD | {"expires": "2026-06-01"})

    assert len(waivers.read(document, TODAY)[0]) == 1
    assert waivers.read(document, TODAY + dt.timedelta(1))[0] == []


def test_second_waiver_for_the_same_is_a_fault() -> None:
    """Two waivers for one finding would hide that one of them ended."""
    faults = waivers.read(_document(GOOD, GOOD), TODAY)[1]

    assert "a second waiver" in faults[0].message
    assert waivers.read(_document(GOOD, GOOD | {"fact": "Other"}), TODAY)[1] == []


def test_waiver_of_a_file_covers_no_resource_in_it() -> None:
    """A finding that has a resource is waived by that alone; the file stands for those that have none."""
    document = _document(GOOD | {"resource": "template.yaml"})
    applied = _applied(document, _finding(), _finding(resource=None))

    assert [one.waiver for one in applied] == [None, "CKV_AWS_18:template.yaml:LoggingConfiguration"]


def test_two_waivers_of_one_name_are_told_apart() -> None:
    """One for each environment: that one of them is of use says nothing of the other."""
    document = _document(GOOD | {"environment": "dev"}, GOOD | {"environment": "prod"})
    applied = _applied(document, _finding())

    assert ["waives nothing" in one.message for one in applied] == [False, True]


OLD = {name: value for name, value in GOOD.items() if name != "fact"}


def test_waiver_without_fact_covers_nothing_and_says_what_to_write() -> None:
    """One line for each finding that it once covered, whatever its fact, and none of another rule or resource."""
    findings = [
        _finding(),
        _finding(environment="prod"),
        _finding(fact='a "quoted" one'),
        _finding(resource="Other", fact="another resource"),
        _finding(rule="CKV_AWS_19", fact="another rule"),
    ]
    valid, (fault,) = waivers.read(_document(OLD), TODAY, findings)

    assert valid == []

    assert fault.message == (
        "the waiver lacks 'fact', so it covers nothing: write one waiver for each of these that it is for: "
        'fact = "LoggingConfiguration"; fact = "a \\"quoted\\" one"'
    )


def test_waivers_to_write_instead_are_ready() -> None:
    """They are valid as they are, cover what the old one did, and keep who answers for it until when."""
    findings = [_finding(), _finding(environment="prod"), _finding(fact='a "quoted" one', resource=None)]
    old = _document(OLD, OLD | {"resource": "template.yaml", "rule": "unknown"})
    written = waivers.without_fact(_document(OLD | {"resource": "template.yaml"}), TODAY, findings)
    applied = _applied(parse(written, waivers.FILE), *findings)

    assert [one.waiver is None for one in applied] == [False, False, False]
    assert written.count("[[waiver]]") == 2
    assert 'owner = "ana"\napprover = "bo"\nticket = "OPS-1"\nexpires = 2026-09-01\n' in written
    assert waivers.without_fact(old, TODAY, []) == ""


@pytest.mark.parametrize("change", [{"expires": "2026-05-31"}, {"reason": "fine"}, {"environment": "prod"}])
def test_waiver_that_covered_nothing_is_not_written_anew(change: dict[str, str]) -> None:
    """One that has ended, is no reason, or is of another environment, has nothing to hand on."""
    assert waivers.without_fact(_document(OLD | change), TODAY, [_finding()]) == ""


def test_beginning_of_a_waiver_covers_its_finding() -> None:
    """What the report shows beside a finding is what the file needs of it; people say the rest."""
    finding = _finding(fact='back\\slash and "quotes"')
    rest = {name: value for name, value in GOOD.items() if name not in ("rule", "resource", "fact")}
    text = waivers.for_finding(finding) + "\n".join(
        f"{name} = {value if name == 'expires' else repr(value)}" for name, value in rest.items()
    )

    assert [False] == [one.waiver is None for one in _applied(parse(text, waivers.FILE), finding)]


@pytest.mark.parametrize(
    ("rule", "tool"),
    [("CKV_AWS_1", "checkov"), ("E3002", "cfn-lint"), ("zizmor/x", "zizmor"), ("wildcard_action", "rules")],
)
def test_tool_of_a_rule(rule: str, tool: str) -> None:
    """A rule's id tells which engine it belongs to."""
    assert tool == waivers.tool_of(rule)
