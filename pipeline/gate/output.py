"""A verdict as text, JSON and SARIF 2.1.0, and as the files of --output."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pipeline.gate.verdict import Report
from pipeline.model import Finding

_LEVEL = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORE = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def as_text(report: Report) -> str:
    """One block a finding, worst first, then a line a stage."""
    rows: list[str] = []
    for finding in report.findings:
        if finding.waiver is None:
            rows += _block(finding)
    for stage in report.stages:
        rows.append(f"{stage.name:<8} {stage.status:<8} {stage.seconds:6.1f} s")
    open_ones = [one for one in report.findings if one.waiver is None]
    waived = len(report.findings) - len(open_ones)
    rows.append(f"{_count(len(open_ones), 'finding')}, {waived} waived")
    return "\n".join(rows) + "\n"


def _block(finding: Finding) -> Iterable[str]:
    place = f"{finding.file}:{finding.line}: " if finding.file else ""
    about = ", ".join(part for part in (finding.resource, finding.environment) if part)
    yield f"{place}{finding.severity}: {finding.message}"
    yield f"    Rule: {finding.rule} ({finding.tool}){f' on {about}' if about else ''}"
    if finding.remediation:
        yield f"    Fix:  {finding.remediation}"
    yield ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(report: Report) -> str:
    """The report as documented: schema 1."""
    data = {
        "schema": 1,
        "commit": report.commit,
        "stages": [stage.as_json() for stage in report.stages],
        "findings": [finding.as_json() for finding in report.findings],
        "environments": list(report.environments),
        "tools": list(report.tools),
    }
    return json.dumps(data, indent=2) + "\n"


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0 for code scanning: waived findings are left out, fingerprints don't hang on line numbers.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    findings = [finding for finding in report.findings if finding.waiver is None]
    rules = {finding.rule: finding for finding in findings}
    seen: dict[str, int] = {}
    run = {
        "tool": {
            "driver": {"name": "pipeline", "rules": [_sarif_rule(rules[name]) for name in sorted(rules)]}
        },
        "results": [_sarif_result(finding, sorted(rules), seen) for finding in findings],
        "columnKind": "utf16CodeUnits",
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.rule,
        "shortDescription": {"text": finding.title},
        "help": {"text": finding.remediation or finding.title},
        "properties": {
            "security-severity": _SCORE.get(finding.severity, "5.5"),
            "tags": sorted(finding.controls),
        },
    }


def _sarif_result(finding: Finding, rules: list[str], seen: dict[str, int]) -> dict[str, Any]:
    identity = "\n".join(
        [finding.rule, finding.file, finding.resource or "", finding.environment or "", finding.message]
    )
    digest = hashlib.sha256(identity.encode()).hexdigest()
    seen[digest] = seen.get(digest, 0) + 1
    about = ", ".join(part for part in (finding.resource, finding.environment) if part)
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVEL.get(finding.severity, "warning"),
        "message": {"text": f"{finding.message} ({about})" if about else finding.message},
        "partialFingerprints": {"pipeline/v1": f"{digest}:{seen[digest]}"},
    }
    if finding.file:
        location = {"artifactLocation": {"uri": finding.file}, "region": {"startLine": max(1, finding.line)}}
        result["locations"] = [{"physicalLocation": location}]
    return result


FORMATS: dict[str, Callable[[Report], str]] = {"text": as_text, "json": as_json, "sarif": as_sarif}
_FILES: dict[str, Callable[[Report], str]] = {"report.json": as_json, "report.sarif": as_sarif}


def write(report: Report, folder: Path) -> None:
    """Write the report's files into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, form in _FILES.items():
        (folder / name).write_text(form(report), encoding="utf-8")
