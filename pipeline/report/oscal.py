"""The verdict for auditors' tools: NIST's OSCAL assessment results.

A NIST control is satisfied when every rule that names it passed, its waived findings aside. The identifiers are
made from content (UUID version 5): the same verdict gives the same document. Source:
https://pages.nist.gov/OSCAL-Reference/models/latest/assessment-results/json-outline/
"""

import datetime as dt
import json
import re
import uuid
from typing import Any

from pipeline.base.markdown import plain
from pipeline.gate.findings import Finding
from pipeline.gate.verdict import EngineRun
from pipeline.report.controls import Control, by_framework
from pipeline.report.evidence import Evidence

VERSION = "1.2.3"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/esclusa/oscal")
_NAMES = "https://github.com/esclusa/oscal"  # the namespace of our own properties
_PLAN = "the rules and tools of the gate"


def render(evidence: Evidence) -> str:
    """The OSCAL document."""
    report = evidence.report
    commit = report.judged
    document = {
        "uuid": _id("document", commit, _stamp(evidence.made), *(stage.name for stage in report.stages)),
        "metadata": {
            "title": "Assessment of a serverless application's repository by its gate",
            "last-modified": _stamp(evidence.made),
            "version": commit,
            "oscal-version": VERSION,
        },
        # The plan is not written in OSCAL: it is the rules and tools that the judged commit's gate holds.
        "import-ap": {"href": f"#{_id('plan')}"},
        "results": [_result(evidence)],
        "back-matter": {
            "resources": [
                {
                    "uuid": _id("plan"),
                    "title": "Assessment plan",
                    "description": f"The plan is {_PLAN}: see docs/rules.md in the judged repository.",
                    "rlinks": [{"href": "docs/rules.md", "media-type": "text/markdown"}],
                }
            ]
        },
    }
    return json.dumps({"assessment-results": document}, indent=2) + "\n"


def _result(evidence: Evidence) -> dict[str, Any]:
    report = evidence.report
    longest = max((stage.seconds for stage in report.stages), default=0.0)
    controls = by_framework(evidence)["NIST"]
    judged = [control for control in controls if control.outcome != "not judged"]
    findings = report.findings
    result: dict[str, Any] = {
        "uuid": _id("result", report.commit or "", _stamp(evidence.made)),
        "title": f"Gate: {evidence.verdict.lower()}",
        "description": f"Stages: {', '.join(f'{one.name} {one.status}' for one in report.stages)}.",
        "start": _stamp(evidence.made - dt.timedelta(seconds=longest)),
        "end": _stamp(evidence.made),
        "local-definitions": {
            "components": [_repository(evidence)],
            "assessment-assets": {
                "components": [_tool(engine) for engine in report.engines],
                "assessment-platforms": [
                    {
                        "uuid": _id("platform"),
                        "title": "pipeline",
                        "uses-components": [{"component-uuid": _tool_id(one.name)} for one in report.engines],
                    }
                ],
            },
        },
        "reviewed-controls": {"control-selections": [_selection(controls)]},
    }
    optional = {
        "observations": [_observation(one, evidence) for one in findings],
        "risks": [_risk(one, evidence) for one in findings],
        "findings": [_finding(one, evidence) for one in judged],
    }
    return result | {name: items for name, items in optional.items() if items}


def _selection(controls: tuple[Control, ...]) -> dict[str, Any]:
    """The controls in scope; those without a verdict are told, since a selection of none is not valid."""
    if not controls:
        return {"description": "No rule could be loaded, so no control was assessed.", "include-all": {}}
    unjudged = ", ".join(one.number for one in controls if one.outcome == "not judged")
    without = f" Without a verdict in this run: {unjudged}." if unjudged else ""
    return {
        "description": plain(f"NIST SP 800-53 Rev. 5, the controls that rules name.{without}"),
        "include-controls": [{"control-id": _control_id(one)} for one in controls],
    }


def _control_id(control: Control) -> str:
    """The control's id in NIST's catalog: ac-6.1 for AC-6(1)."""
    return re.sub(r"\((\d+)\)", r".\1", control.number).lower()


def _repository(evidence: Evidence) -> dict[str, Any]:
    commit = evidence.report.commit
    where = evidence.repository or "the repository"
    return {
        "uuid": _id("repository"),
        "type": "software",
        "title": "Repository",
        "description": plain(f"{where} at {f'commit {commit}' if commit else evidence.report.judged}"),
        "status": {"state": "operational"},
    }


def _tool(engine: EngineRun) -> dict[str, Any]:
    versions = [_prop("version", one) for one in engine.versions]
    tool: dict[str, Any] = {
        "uuid": _tool_id(engine.name),
        "type": "software",
        "title": engine.name,
        "description": f"Engine of the stage {engine.stage}.",
        "status": {"state": "operational"},
    }
    if engine.broken or engine.scope:
        tool["remarks"] = (
            f"Gave no verdict: {plain(engine.broken)}" if engine.broken else f"Judged {plain(engine.scope)}."
        )
    return tool | ({"props": versions} if versions else {})


def _tool_id(name: str) -> str:
    return _id("tool", name)


def _observation(finding: Finding, evidence: Evidence) -> dict[str, Any]:
    engine = next((one.name for one in evidence.report.engines if one.name == finding.tool), "rules")
    known = any(one.name == engine for one in evidence.report.engines)
    origins = [{"actors": [{"type": "tool", "actor-uuid": _tool_id(engine)}]}] if known else []
    return {
        "uuid": _id("observation", *_identity(finding)),
        "title": plain(finding.title),
        "description": plain(finding.message),
        "props": [
            _prop("rule", finding.rule),
            _prop("severity", finding.severity),
            _prop("tool", finding.tool),
            _prop("location", f"{finding.file}:{finding.line}"),
            *([_prop("resource", finding.resource)] if finding.resource else []),
            _prop("fact", finding.fact),
            *([_prop("environment", finding.environment)] if finding.environment else []),
        ],
        "methods": ["TEST"],
        "types": ["finding"],
        **({"origins": origins} if origins else {}),
        "subjects": [{"subject-uuid": _id("repository"), "type": "component"}],
        "collected": _stamp(evidence.made),
    }


def _risk(finding: Finding, evidence: Evidence) -> dict[str, Any]:
    waiver = evidence.waiver(finding.waiver)
    risk: dict[str, Any] = {
        "uuid": _id("risk", *_identity(finding)),
        "title": plain(finding.title),
        "description": plain(finding.message),
        "statement": plain(finding.remediation or finding.title),
        "props": [_prop("severity", finding.severity)],
        "status": "open" if finding.waiver is None else "deviation-approved",
        "related-observations": [{"observation-uuid": _id("observation", *_identity(finding))}],
    }
    if waiver is not None:
        risk["props"] += [_prop("waiver", waiver.id), _prop("ticket", waiver.ticket)]
        risk["mitigating-factors"] = [
            {
                "uuid": _id("waiver", waiver.id, *_identity(finding)),
                "description": plain(
                    f"{waiver.reason} (owner {waiver.owner}, approved by {waiver.approver})"
                ),
            }
        ]
        end = dt.datetime.combine(waiver.expires, dt.time(23, 59, 59), dt.UTC)
        risk["deadline"] = _stamp(end)
    return risk


def _finding(control: Control, evidence: Evidence) -> dict[str, Any]:
    ids = {rule.id for rule, _ in control.rules}
    related = [one for one in evidence.report.findings if one.rule in ids]
    failed = control.outcome == "failed"
    number = control.number
    rules = ", ".join(f"{rule.id} {outcome}" for rule, outcome in control.rules)
    finding: dict[str, Any] = {
        "uuid": _id("finding", number),
        "title": f"NIST {number}: {control.title}" if control.title else f"NIST {number}",
        "description": plain(f"Rules: {rules}."),
        "target": {
            "type": "statement-id",
            "target-id": f"{_control_id(control)}_smt",
            "status": {
                "state": "not-satisfied" if failed else "satisfied",
                "reason": "fail" if failed else "pass",
            },
        },
    }
    if related:
        keys = [_identity(one) for one in related]
        finding["related-observations"] = [{"observation-uuid": _id("observation", *key)} for key in keys]
        finding["related-risks"] = [{"risk-uuid": _id("risk", *key)} for key in keys]
    return finding


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": _NAMES, "value": value.strip() or "-"}


def _identity(finding: Finding) -> tuple[str, ...]:
    parts = (finding.rule, finding.tool, finding.file, str(finding.line), finding.resource, finding.fact)
    return tuple(part or "" for part in (*parts, finding.environment, finding.message, finding.waiver))


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
