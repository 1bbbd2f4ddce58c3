"""What the reports tell: a verdict, with the rules, waivers, environments and trust that it rests on."""

import datetime as dt
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass

from pipeline.base.errors import ConfigurationError
from pipeline.base.text import one_line
from pipeline.gate import waivers
from pipeline.gate.engines import own
from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.findings import SEVERITIES, Finding
from pipeline.gate.rules import Rule, load
from pipeline.gate.verdict import Report
from pipeline.gate.waivers import Waiver
from pipeline.iam.matrix import entries
from pipeline.iam.rows import Entry
from pipeline.report.sides import Row, compare, resources
from pipeline.source.project import Project
from pipeline.source.settings import Setting


@dataclass(frozen=True)
class Evidence:
    """All that a report tells.

    repository  the repository's address, or "" where nothing says it
    made        when, in UTC, to the second
    rules       the own rules, those that ran and those that did not
    waivers     the waivers that hold
    sides       the environments' settings side by side
    settings    the settings of the gate, with what holds without each and its bounds
    trust       who can become whom; None where a file that says it can't be read
    """

    report: Report
    repository: str
    made: dt.datetime
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...]
    sides: tuple[Row, ...]
    settings: tuple[Setting, ...]
    trust: tuple[Entry, ...] | None

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that no waiver covers, worst first."""
        return tuple(finding for finding in self.report.findings if finding.waiver is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.report.findings if finding.waiver is not None)

    @property
    def counts(self) -> dict[str, int]:
        """The number of open findings by severity, worst first."""
        found = Counter(finding.severity for finding in self.open)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def verdict(self) -> str:
        """How it ended, in a few words."""
        if self.report.passed:
            return "Passed"
        return "Not everything was judged" if self.report.unjudged else "Failed"

    def outcome(self, rule: Rule) -> str:
        """What a rule found: failed, waived or passed; "not judged" where its engine gave no verdict."""
        found = [one for one in self.report.findings if one.rule == rule.id]
        if any(one.waiver is None for one in found):
            return "failed"
        if not self._judged():
            return "not judged"
        return "waived" if found else "passed"

    def _judged(self) -> bool:
        ran = any(one.name == own.ENGINE.name and not one.broken for one in self.report.engines)
        return ran and not any(one.rule == "unreadable" for one in self.report.findings)

    def waiver(self, number: str | None) -> Waiver | None:
        """The waiver with this id."""
        return next((one for one in self.waivers if one.id == number), None)


def gather(report: Report, environ: Mapping[str, str] = os.environ) -> Evidence:
    """The evidence of a verdict. Its time is SOURCE_DATE_EPOCH where that is set, else now.

    Source: https://reproducible-builds.org/specs/source-date-epoch/
    """
    project = report.project
    document = project.document(waivers.FILE)
    valid = waivers.read(document, report.day)[0] if document is not None else []
    return Evidence(
        report=report.printable(),
        repository=_repository(environ),
        made=_time(environ),
        rules=_rules(),
        waivers=tuple(valid),
        sides=compare(project.environments, report.findings) + _resources(project),
        settings=tuple(map(_visible, project.settings.rows())),
        trust=None if project.problems else entries(project),
    )


def _visible(one: Setting) -> Setting:
    """On one line, with nothing in it that a reader can't see: a pull request may have written it."""
    return Setting(*map(one_line, astuple(one)))


def _rules() -> tuple[Rule, ...]:
    """The rules; none when one of them doesn't load: that is the finding of their engine, and to be reported."""
    try:
        return load(CHECKOUT / "policies")
    except ConfigurationError:
        return ()


def _resources(project: Project) -> tuple[Row, ...]:
    """The resources that differ; none where an environment's template doesn't expand, which is a finding."""
    stacks = project.application
    return resources(stacks) if len(stacks) == len(project.environments) else ()


def _repository(environ: Mapping[str, str]) -> str:
    server, name = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    return f"{server}/{name}" if server and name else ""


def _time(environ: Mapping[str, str]) -> dt.datetime:
    given = environ.get("SOURCE_DATE_EPOCH")
    if not given:
        return dt.datetime.now(dt.UTC).replace(microsecond=0)
    try:
        return dt.datetime.fromtimestamp(int(given), dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigurationError(
            f"SOURCE_DATE_EPOCH is {given!r}, which is no time.", "Give seconds since 1970, or unset it."
        ) from error
