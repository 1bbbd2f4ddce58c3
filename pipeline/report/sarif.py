"""The verdict for code scanning: SARIF 2.1.0.

Waived findings are left out. A tool that gave no verdict is a notification, not a result: it has no place in a
file. Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
import re
from collections import Counter
from typing import Any
from urllib.parse import quote

from pipeline.base.markdown import plain
from pipeline.base.text import as_json
from pipeline.gate.findings import NO_VERDICT, Finding
from pipeline.gate.rules import Rule
from pipeline.gate.verdict import EngineRun
from pipeline.report.evidence import Evidence

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
# What GitHub sorts alerts by, on the scale of CVSS: critical over 9.0, high over 7.0, medium over 4.0.
_SCORE = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def render(evidence: Evidence) -> str:
    """The SARIF document."""
    report = evidence.report
    results = evidence.open
    ids = sorted({one.rule for one in results})
    first = {one.rule: one for one in reversed(results)}
    own = {rule.id: rule for rule in evidence.rules}
    seen: Counter[str] = Counter()
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "pipeline",
                "semanticVersion": "1.0.0",
                "rules": [_rule(first[name], own.get(name)) for name in ids],
            },
            "extensions": [_extension(version) for version in report.tools],
        },
        # Each stage is uploaded alone: without a name of its own one would take the other's place.
        "automationDetails": {"id": f"pipeline/{'-'.join(stage.name for stage in report.stages)}/"},
        "invocations": [
            {
                "executionSuccessful": not report.unjudged,
                "endTimeUtc": evidence.made.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "toolExecutionNotifications": [_notification(one) for one in report.silent],
            }
        ],
        "results": [_result(finding, ids, seen) for finding in results],
        "columnKind": "utf16CodeUnits",
    }
    if evidence.repository and report.commit:
        run["versionControlProvenance"] = [
            {"repositoryUri": evidence.repository, "revisionId": report.commit}
        ]
    return as_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _extension(version: str) -> dict[str, str]:
    name, _, number = version.rpartition("-")
    return {"name": name, "version": number}


def _rule(finding: Finding, rule: Rule | None) -> dict[str, Any]:
    remediation = finding.remediation or finding.title
    why = " ".join(rule.rationale.split()) if rule else finding.title
    return {
        "id": finding.rule,
        "shortDescription": {"text": finding.title},
        "fullDescription": {"text": why},
        "help": {
            "text": f"{why}\n\nFix: {remediation}",
            "markdown": f"{plain(why)}\n\n**Fix:** {plain(remediation)}",
        },
        "defaultConfiguration": {"level": _LEVEL[finding.severity]},
        "properties": {
            "security-severity": _SCORE[finding.severity],
            "precision": "high",
            "tags": sorted({"security", finding.tool, *finding.controls}),
        },
    }


def _result(finding: Finding, ids: list[str], seen: Counter[str]) -> dict[str, Any]:
    about = ", ".join(part for part in (finding.resource, finding.environment) if part)
    text = f"{finding.message} ({about})" if about else finding.message
    return {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": _LEVEL[finding.severity],
        "message": {"text": _without_links(text)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.file), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(1, finding.line)},
                }
            }
        ],
        "partialFingerprints": {"pipeline/v2": _fingerprint(finding, seen)},
        "properties": {"fact": finding.fact},
    }


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """What stays the same while lines move, and tells a finding from the others."""
    parts = [finding.rule, finding.file, finding.resource or "", finding.environment or "", finding.fact]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _notification(engine: EngineRun) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": _without_links(f"{engine.name}: {NO_VERDICT}: {engine.broken}")},
        "descriptor": {"id": "no-verdict"},
    }


def _without_links(text: str) -> str:
    """SARIF reads `[words](address)` in a message as a link (3.11.6): a pull request gets to place none."""
    return re.sub(r"(?<!\\)\[(?=[^\]]*\]\()", r"\\[", text)
