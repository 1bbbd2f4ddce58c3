"""Findings as annotations of a GitHub run: lines that the runner reads as commands."""

from collections.abc import Iterable, Iterator

from pipeline.base.summary import command
from pipeline.gate.findings import Finding
from pipeline.gate.verdict import UNJUDGED, EngineRun

_COMMAND = {"critical": "error", "high": "error", "medium": "warning", "low": "notice"}
_MOST = 10  # of a kind that GitHub shows from one step


def render(findings: Iterable[Finding], silent: Iterable[EngineRun] = ()) -> str:
    """A line an engine without verdict, then one a finding without waiver, worst first, as many of each kind as
    GitHub shows."""
    return "".join(f"{line}\n" for line in _lines(findings, tuple(silent)[:_MOST]))


def _lines(findings: Iterable[Finding], silent: tuple[EngineRun, ...]) -> Iterator[str]:
    for engine in silent:
        yield command("error", f"{engine.broken}\nFix: {UNJUDGED}", title=f"No verdict: {engine.name}")
    written = {"error": len(silent), "warning": 0, "notice": 0}
    for finding in findings:
        name = _COMMAND[finding.severity]
        if finding.waiver is not None or written[name] == _MOST:
            continue
        written[name] += 1
        title = f"{finding.title} ({finding.rule})"
        fix = f"\nFix: {finding.remediation}" if finding.remediation else ""
        message = f"{finding.message}\nFact: {finding.fact}{fix}"
        yield command(name, message, file=finding.file, line=str(max(1, finding.line)), title=title)
