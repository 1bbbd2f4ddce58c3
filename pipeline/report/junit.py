"""The verdict for test reporters: JUnit XML, a suite an engine, a case a rule.

A waived finding is a skipped case, an engine without a verdict an error.
"""

from collections.abc import Iterable, Iterator

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from pipeline.gate.engines import own
from pipeline.gate.findings import NO_VERDICT, Finding
from pipeline.gate.verdict import UNJUDGED, EngineRun
from pipeline.report.evidence import Evidence


def render(evidence: Evidence) -> str:
    """The JUnit document."""
    document = JUnitXml("pipeline")
    seconds = {engine.name: engine.seconds for engine in evidence.report.engines}
    for engine in evidence.report.engines:
        document.add_testsuite(_suite(engine, evidence))
    rest = [one for one in evidence.report.findings if _engine(one, evidence) is None]
    if rest:
        document.add_testsuite(_rest(rest, evidence))
    document.update_statistics()  # type: ignore[no-untyped-call]
    for suite in document:
        suite.time = seconds.get(suite.name, 0.0)  # the engine's, which has none for each case
    document.time = round(sum(seconds.values()), 3)
    text: str = document.tostring().decode()  # type: ignore[no-untyped-call]
    # A tag a line, for those who read differences: within texts and attributes both marks are escaped.
    return '<?xml version="1.0" encoding="utf-8"?>\n' + text.strip().replace("><", ">\n<") + "\n"


def _engine(finding: Finding, evidence: Evidence) -> EngineRun | None:
    """The engine that a finding comes from; None for one of the gate itself, such as an expired waiver."""
    rules = {rule.id for rule in evidence.rules} | {"unreadable"}
    name = own.ENGINE.name if finding.tool == "pipeline" and finding.rule in rules else finding.tool
    return next((one for one in evidence.report.engines if one.name == name), None)


def _suite(engine: EngineRun, evidence: Evidence) -> TestSuite:
    suite = TestSuite(engine.name)
    suite.add_property("versions", " ".join(engine.versions))
    if engine.scope:
        suite.add_property("scope", engine.scope)
    found = [one for one in evidence.report.findings if _engine(one, evidence) == engine]
    names = [one.rule for one in found]
    if engine.name == own.ENGINE.name and not engine.broken:
        names = [rule.id for rule in evidence.rules] + names
    for name in dict.fromkeys(names):
        suite.add_testcase(_case(engine, name, [one for one in found if one.rule == name], evidence))
    if engine.broken:
        suite.add_testcase(_silent(engine))
    elif not names:
        suite.add_testcase(TestCase("no finding", classname=f"{engine.stage}.{engine.name}"))
    return suite


def _silent(engine: EngineRun) -> TestCase:
    case = TestCase(NO_VERDICT, classname=f"{engine.stage}.{engine.name}")
    error = Error(engine.broken, NO_VERDICT)
    error.text = f"{engine.broken}\nFix: {UNJUDGED}"
    case.result = [error]
    return case


def _case(engine: EngineRun, name: str, found: Iterable[Finding], evidence: Evidence) -> TestCase:
    case = TestCase(name, classname=f"{engine.stage}.{engine.name}")
    case.result = list(_results(found, evidence))
    return case


def _rest(found: list[Finding], evidence: Evidence) -> TestSuite:
    suite = TestSuite("waivers")
    for name in dict.fromkeys(one.rule for one in found):
        case = TestCase(name, classname="gate.waivers")
        case.result = list(_results((one for one in found if one.rule == name), evidence))
        suite.add_testcase(case)
    return suite


def _results(found: Iterable[Finding], evidence: Evidence) -> Iterator[Failure | Error | Skipped]:
    for finding in found:
        result: Failure | Error | Skipped
        if finding.waiver is not None:
            waiver = evidence.waiver(finding.waiver)
            until = f" until {waiver.expires}" if waiver else ""
            result = Skipped(f"waived by {finding.waiver}{until}: {finding.message}", finding.severity)
        elif finding.rule == "unreadable":
            result = Error(finding.message, finding.severity)
        else:
            result = Failure(finding.message, finding.severity)
        result.text = _details(finding)
        yield result


def _details(finding: Finding) -> str:
    about = ", ".join(part for part in (finding.resource, finding.environment) if part)
    where = f"{finding.file}:{finding.line}{f' ({about})' if about else ''}"
    rows = [where, finding.message, f"Fact: {finding.fact}"]
    return "\n".join([*rows, f"Fix: {finding.remediation}"] if finding.remediation else rows)
