"""Our own rules, in this process: what no tool looks at, and what takes several files to see."""

from collections.abc import Iterator

from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.findings import Finding
from pipeline.gate.rules import Rule, load
from pipeline.source.project import Project
from pipeline.source.violations import Violation


def run(context: Context) -> Iterator[Finding]:
    rules = load(CHECKOUT / "policies")
    context.warm()
    yield from unreadable(context.project)
    broken = []
    for rule in rules:
        try:
            yield from apply(rule, context.project)
        except Exception as error:  # whatever a rule raises, the gate must not pass
            broken.append(f"{rule.id} ({_where(error)}: {type(error).__name__}: {error})")
    if broken:
        raise EngineError(f"{len(broken)} rules raised, so they judged nothing: {'; '.join(broken)}")


def apply(rule: Rule, project: Project) -> Iterator[Finding]:
    """The findings of one rule."""
    for violation in rule.check(project):
        yield _finding(rule, violation)


def unreadable(project: Project) -> Iterator[Finding]:
    """A finding for each surface that can't be read or expanded."""
    for problem in project.problems:
        yield Finding(
            rule="unreadable",
            title="Something can't be judged",
            severity="critical",
            tool="pipeline",
            file=problem.file,
            line=problem.line,
            resource=problem.resource or None,
            fact=problem.message,
            environment=problem.environment or None,
            message=problem.message,
            remediation="Mend the file: until then no rule sees what it says.",
        )


def _finding(rule: Rule, violation: Violation) -> Finding:
    return Finding(
        rule=rule.id,
        title=rule.title,
        severity=rule.severity,
        tool="pipeline",
        file=violation.file,
        line=violation.line,
        resource=violation.resource or None,
        fact=violation.fact,
        environment=violation.environment or None,
        message=violation.message,
        remediation=rule.remediation,
        controls=rule.controls,
    )


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "somewhere"


ENGINE = Engine(name="rules", packages=("aws_sam_translator",), reads=lambda file: True, run=run)
