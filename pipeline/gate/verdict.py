"""What a run of the gate says."""

from dataclasses import dataclass

from pipeline.model import Finding, Stage


@dataclass(frozen=True)
class Report:
    """The verdict of the stages that ran.

    commit    HEAD of the judged repository; None outside of git
    tools     the versions that judged, as NAME-VERSION
    unjudged  whether something got no verdict: an engine that broke, a file that can't be read
    """

    commit: str | None
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...]
    environments: tuple[str, ...]
    tools: tuple[str, ...]
    unjudged: bool

    @property
    def passed(self) -> bool:
        return all(stage.status == "passed" for stage in self.stages)

    @property
    def status(self) -> int:
        """The exit status: 0 clean, 1 gate failed, 2 something couldn't be judged."""
        return 0 if self.passed else 2 if self.unjudged else 1
