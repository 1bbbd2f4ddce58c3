"""A verdict as text and as JSON; the other forms are in pipeline.report."""

import dataclasses
from collections.abc import Iterable

from pipeline.base import text
from pipeline.gate import waivers
from pipeline.gate.findings import Finding
from pipeline.gate.verdict import UNJUDGED, Report


def as_text(report: Report) -> str:
    """One block a finding, worst first, one an engine without verdict, then a line a stage."""
    rows: list[str] = []
    for finding in report.findings:
        if finding.waiver is None:
            rows += _block(finding)
    for engine in report.silent:
        rows += [f"no verdict of {engine.name}: {engine.broken}", f"    Fix:  {UNJUDGED}", ""]
    for stage in report.stages:
        rows.append(f"{stage.name:<8} {stage.status:<10} {stage.seconds:6.1f} s")
        rows += [f"         {one.scope}" for one in report.engines if one.stage == stage.name and one.scope]
    rows += _waivers(report)
    rows += [
        f"{one.setting} lets more pass than at the base: {one.before} -> {one.after}"
        for one in report.loosened or ()
    ]
    open_ones = [one for one in report.findings if one.waiver is None]
    waived = len(report.findings) - len(open_ones)
    without = f", no verdict of {', '.join(one.name for one in report.silent)}" if report.silent else ""
    rows.append(f"{_count(len(open_ones), 'finding')}, {waived} waived{without}")
    return "".join(f"{text.for_log(row)}\n" for row in rows)


def _block(finding: Finding) -> Iterable[str]:
    about = f" on {finding.resource}" if finding.resource else ""
    where = f" in {finding.environment}" if finding.environment else ""
    yield f"{finding.file}:{finding.line}: {finding.severity}: {finding.message}"
    yield f"    Rule: {finding.rule} ({finding.tool}){about}{where}"
    yield f"    Fact: {finding.fact}"
    if finding.remediation:
        yield f"    Fix:  {finding.remediation}"
    yield ""


def _waivers(report: Report) -> Iterable[str]:
    """What to write instead of waivers that name no fact, ready to paste."""
    if report.rewritten:
        yield f"Write into {waivers.FILE}, instead of those that name no fact, what you want to keep of these:"
        yield ""
        yield from report.rewritten.splitlines()
        yield ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(report: Report) -> str:
    """The report as documented: schema 1."""
    data = {
        "schema": 1,
        "commit": report.commit,
        **({"head": report.head} if report.head else {}),
        "verdict": report.verdict,
        "stages": [stage.as_json() for stage in report.stages],
        "findings": [finding.as_json() for finding in report.findings],
        "environments": list(report.environments),
        "tools": list(report.tools),
        "engines": [dataclasses.asdict(one) for one in report.engines],
        "loosened": None if report.loosened is None else [dataclasses.asdict(one) for one in report.loosened],
    }
    return f"{text.as_json(data)}\n"
