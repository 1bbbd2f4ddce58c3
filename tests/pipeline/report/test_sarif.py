"""SARIF."""

import dataclasses
import json
from typing import Any

import pytest

from pipeline.gate.findings import Finding
from pipeline.report import sarif
from tests.pipeline.report.sample import FINDINGS, evidence
from tests.pipeline.report.schemas import faults

SCHEMA = "sarif-2.1.0.json"


def run(**changes: object) -> dict[str, Any]:
    """The one run of the sample's document."""
    document: dict[str, Any] = json.loads(sarif.render(evidence(**changes)))
    return dict(document["runs"][0])


def fingerprints(*findings: Finding) -> list[str]:
    return [one["partialFingerprints"]["pipeline/v2"] for one in run(findings=findings)["results"]]


@pytest.mark.parametrize("findings", [FINDINGS, FINDINGS[:1], ()], ids=["all", "one", "none"])
def test_document_keeps_to_the_schema(findings: tuple[Finding, ...]) -> None:
    """The document is valid SARIF 2.1.0, with findings and without."""
    assert [] == faults(SCHEMA, sarif.render(evidence(findings=findings)))


def test_schema_is_looked_at() -> None:
    """The schema refuses what is wrong: a level that SARIF doesn't know."""
    text = sarif.render(evidence()).replace('"level": "error"', '"level": "fatal"')

    assert faults(SCHEMA, text)


def test_waived_findings_are_left_out() -> None:
    """Code scanning shows what is open; a waiver is read in the report."""
    assert "logged" not in {one["ruleId"] for one in run()["results"]}


def test_tool_without_verdict_is_a_notification() -> None:
    """A broken engine makes the run unsuccessful, and is no result: it has no place in a file."""
    invocation = run()["invocations"][0]

    assert not invocation["executionSuccessful"]
    assert [("no-verdict", "zizmor: no verdict: zizmor ended with status 3: out of memory")] == [
        (one["descriptor"]["id"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]
    ]
    assert not any("zizmor" in one["message"]["text"] for one in run()["results"])


def test_fingerprint_outlives_moved_lines() -> None:
    """The same finding on another line is the same alert, also when its words count lines."""
    first = dataclasses.replace(FINDINGS[0], message="line 12 resolves a secret")
    moved = dataclasses.replace(first, line=80, message="line 80 resolves a secret")

    assert fingerprints(first) == fingerprints(moved)


def test_fingerprints_tell_findings_apart() -> None:
    """Another resource, fact, environment or file is another alert, and so is the second of two alike."""
    first = FINDINGS[0]
    others = [
        dataclasses.replace(first, resource="Other"),
        dataclasses.replace(first, fact="OTHER"),
        dataclasses.replace(first, environment="dev"),
        dataclasses.replace(first, file="bootstrap/template.yaml"),
        first,
    ]

    assert 6 == len(set(fingerprints(first, *others)))


def test_paths_are_addresses() -> None:
    """A file's name is quoted, so that no name makes an address that leads elsewhere."""
    result = run(findings=[dataclasses.replace(FINDINGS[0], file="a b/%2e#x?.py")])["results"][0]

    assert "a%20b/%252e%23x%3F.py" == result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_messages_hold_no_links() -> None:
    """What SARIF would read as a link is escaped."""
    result = run(findings=[dataclasses.replace(FINDINGS[0], message="[click](https://evil.example)")])[
        "results"
    ][0]

    assert result["message"]["text"].startswith(r"\[click](https://evil.example)")


def test_stages_do_not_replace_each_other() -> None:
    """The category is the stages' name: GitHub replaces an upload by the next of the same category."""
    assert "pipeline/lint-policy-test/" == run()["automationDetails"]["id"]
