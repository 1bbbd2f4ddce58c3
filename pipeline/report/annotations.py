"""Findings as annotations of a GitHub run: lines that the runner reads as commands.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Iterable, Iterator

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
        title = _property(f"No verdict: {engine.name}")
        yield f"::error title={title}::{_data(f'{engine.broken}\nFix: {UNJUDGED}')}"
    written = {"error": len(silent), "warning": 0, "notice": 0}
    for finding in findings:
        command = _COMMAND[finding.severity]
        if finding.waiver is not None or written[command] == _MOST:
            continue
        written[command] += 1
        title = f"{finding.title} ({finding.rule})"
        properties = {"file": finding.file, "line": str(max(1, finding.line)), "title": title}
        given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        fix = f"\nFix: {finding.remediation}" if finding.remediation else ""
        message = f"{finding.message}\nFact: {finding.fact}{fix}"
        yield f"::{command} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
