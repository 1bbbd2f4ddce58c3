"""What a run of the gate says."""

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from pipeline.base.text import one_line, visible
from pipeline.gate.findings import NO_VERDICT, Finding, Stage
from pipeline.source.project import Project
from pipeline.source.settings import Loosened

UNJUDGED = (
    "What no tool judged is not passed. Run `make install`, or run the tool by hand to see what it lacks."
)
_TEXTS = ("rule", "title", "tool", "file", "resource", "fact", "environment", "message", "remediation")


@dataclass(frozen=True)
class EngineRun:
    """How one engine of a stage did: the versions that judged, as NAME-VERSION, and the wall seconds.

    `kept` tells that the verdict of an earlier run on the same content was taken; `broken` says why there is
    no verdict, and is empty when there is one; `scope` says what it looked at, where that isn't all.
    """

    stage: str
    name: str
    versions: tuple[str, ...]
    seconds: float
    kept: bool = False
    broken: str = ""
    scope: str = ""


@dataclass(frozen=True)
class Report:
    """The verdict of the stages that ran.

    commit    the commit that was judged; None outside of git, and where what was judged isn't committed
    head      the commit that uncommitted changes stand on; None without any
    tools     the versions that judged, as NAME-VERSION
    unjudged  whether something got no verdict: an engine that broke, a file that can't be read
    engines   how each engine did, in the order of the stages
    day       the day that waivers were held against
    project   what was judged
    rewritten what to write into the file of waivers instead of those that name no fact, as TOML
    loosened  settings of the gate that let more pass than at the base; None where there was no base to compare with
    """

    commit: str | None
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...]
    environments: tuple[str, ...]
    tools: tuple[str, ...]
    unjudged: bool
    engines: tuple[EngineRun, ...]
    day: dt.date
    project: Project = field(repr=False, compare=False)
    rewritten: str = field(default="", repr=False)
    loosened: tuple[Loosened, ...] | None = None
    head: str | None = None

    @property
    def judged(self) -> str:
        """What was judged, in words: a commit, changes that none holds, or no git work tree."""
        changed = (
            f"none: changes to {self.head} that aren't committed"
            if self.head
            else "none: not a git work tree"
        )
        return self.commit or changed

    @property
    def silent(self) -> tuple[EngineRun, ...]:
        """The engines that gave no verdict. What they would have found nobody knows: that is no finding."""
        return tuple(engine for engine in self.engines if engine.broken)

    @property
    def passed(self) -> bool:
        return all(stage.status == "passed" for stage in self.stages)

    @property
    def verdict(self) -> str:
        """In one or two words: passed, failed, or no verdict where not everything was judged."""
        return "passed" if self.passed else NO_VERDICT if self.unjudged else "failed"

    @property
    def status(self) -> int:
        """The exit status: 0 clean, 1 gate failed, 2 something couldn't be judged."""
        return {"passed": 0, "failed": 1, NO_VERDICT: 2}[self.verdict]

    def printable(self) -> "Report":
        """The same, each text of it on one line, with nothing in it that a reader can't see."""
        engines = tuple(
            dataclasses.replace(one, broken=one_line(one.broken), scope=one_line(one.scope))
            for one in self.engines
        )
        findings = tuple(_printable(one) for one in self.findings)
        rewritten = visible(self.rewritten)
        loosened = None if self.loosened is None else tuple(map(_visible, self.loosened))
        return dataclasses.replace(
            self, findings=findings, engines=engines, rewritten=rewritten, loosened=loosened
        )


def _visible(one: Loosened) -> Loosened:
    return Loosened(one_line(one.setting), one_line(one.before), one_line(one.after))


def _printable(finding: Finding) -> Finding:
    lines: dict[str, Any] = {}
    for name in _TEXTS:
        value = getattr(finding, name)
        if value is not None:
            lines[name] = one_line(value)
    return dataclasses.replace(finding, **lines)
