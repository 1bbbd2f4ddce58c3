"""The verdict as GitHub shows it on a run's page: Markdown for GITHUB_STEP_SUMMARY."""

from collections.abc import Iterator
from dataclasses import astuple

from pipeline.base.markdown import escape, table
from pipeline.gate import waivers
from pipeline.gate.findings import Finding
from pipeline.gate.verdict import EngineRun
from pipeline.report.evidence import Evidence

_MOST = 50  # findings; a summary may hold 1 MiB, and nobody reads more on that page


def render(evidence: Evidence) -> str:
    """Verdict, stages, the worst findings, and the waivers that end soon."""
    return "\n\n".join(_sections(evidence)) + "\n"


def _sections(evidence: Evidence) -> Iterator[str]:
    report = evidence.report
    names = ", ".join(stage.name for stage in report.stages)
    yield f"### {evidence.verdict}: {names}"
    yield table(
        ("stage", "engine", "versions", "seconds", "verdict"),
        [
            (one.stage, one.name, escape(", ".join(one.versions)), f"{one.seconds:.1f}", _verdict(one))
            for one in report.engines
        ],
    )
    if evidence.open:
        yield _counts(evidence)
        yield table(
            ("severity", "where", "what", "fix"), [_row(finding) for finding in evidence.open[:_MOST]]
        )
    if len(evidence.open) > _MOST:
        yield f"{len(evidence.open) - _MOST} more are in the report."
    if report.loosened:
        yield "Settings of the gate that let more pass than at the base:"
        yield table(
            ("setting", "before", "after"), [tuple(map(escape, astuple(one))) for one in report.loosened]
        )
    if evidence.waived:
        yield f"{len(evidence.waived)} waived."
    soon = [one for one in evidence.waivers if one.days(report.day) <= waivers.SOON]
    if soon:
        yield "Waivers that end soon: " + ", ".join(
            f"{escape(one.id)} ({one.expires}, {escape(one.owner)})" for one in soon
        )


def _verdict(engine: EngineRun) -> str:
    if engine.broken:
        return f"**no verdict**: {escape(engine.broken)}"
    return f"given: {escape(engine.scope)}" if engine.scope else "given"


def _counts(evidence: Evidence) -> str:
    return ", ".join(f"{count} {severity}" for severity, count in evidence.counts.items() if count) + "."


def _row(finding: Finding) -> tuple[str, str, str, str]:
    about = ", ".join(part for part in (finding.resource, finding.environment) if part)
    where = escape(f"{finding.file}:{finding.line}") + (f" ({escape(about)})" if about else "")
    what = f"{escape(finding.message)} ({escape(finding.rule)}: {escape(finding.fact)})"
    return finding.severity, where, what, escape(finding.remediation)
