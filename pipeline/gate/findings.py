"""What stages report: findings, and how each stage ended."""

from dataclasses import asdict, dataclass
from typing import Any

NO_VERDICT = "no verdict"
SEVERITIES = ("critical", "high", "medium", "low")  # worst first
STAGES = ("lint", "policy", "test")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, at the line where a developer wrote it.

    `file` is relative to the judged folder; `line` starts at 1, 0 stands for the whole file. `environment` is
    None where the finding holds for every environment, `waiver` the id of the waiver that covers it.
    """

    rule: str
    title: str
    severity: str
    tool: str
    file: str
    line: int
    message: str
    remediation: str = ""
    resource: str | None = None
    environment: str | None = None
    controls: tuple[str, ...] = ()
    waiver: str | None = None

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
