"""What stages report: findings, and how each stage ended."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.base.text import label

NO_VERDICT = "no verdict"
SEVERITIES = ("critical", "high", "medium", "low")  # worst first


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, at the line where a developer wrote it.

    `file` is relative to the judged folder; `line` starts at 1, 0 stands for the whole file. `fact` tells it from
    the rule's other findings on the resource (on the file, where there is none), and stays while lines move; a
    waiver names it. `environment` is None where the finding holds for every environment, `waiver` the id of the
    waiver that covers it.
    """

    rule: str
    title: str
    severity: str
    tool: str
    file: str
    line: int
    resource: str | None = None
    fact: str
    environment: str | None = None
    message: str
    remediation: str = ""
    controls: tuple[str, ...] = ()
    waiver: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fact", label(self.fact))

    @property
    def subject(self) -> str:
        """What a waiver names as its resource: the file, where the finding has none."""
        return self.resource or self.file

    def as_json(self) -> dict[str, Any]:
        """The finding as it stands in `report.json`."""
        return asdict(self) | {"controls": list(self.controls)}


@dataclass(frozen=True)
class Stage:
    """One stage of a run: `status` is passed, failed, skipped or no verdict; `seconds` is wall time.

    There is no verdict where nothing was found, and a tool of the stage is missing, broke or was ended.
    """

    name: str
    status: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The stage as it stands in `report.json`."""
        return asdict(self)
