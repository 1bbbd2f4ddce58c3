"""The files of --output, and what a GitHub run shows."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from pipeline.base import summary
from pipeline.base.errors import ConfigurationError
from pipeline.gate.output import as_json
from pipeline.report import junit, oscal, page, sarif
from pipeline.report.evidence import Evidence

FILES: dict[str, Callable[[Evidence], str]] = {
    "report.html": page.render,
    "report.json": lambda evidence: as_json(evidence.report),
    "report.sarif": sarif.render,
    "junit.xml": junit.render,
    "oscal-assessment-results.json": oscal.render,
}


def write(evidence: Evidence, folder: Path) -> None:
    """Write every report into `folder`, which is made if need be; the step's output `report` is report.json's SHA-256.

    Raises ConfigurationError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, render in FILES.items():
            (folder / name).write_text(text := render(evidence), encoding="utf-8")
            if name == "report.json":
                summary.output({"report": hashlib.sha256(text.encode()).hexdigest()})
    except OSError as error:
        raise ConfigurationError(
            f"The reports can't be written into {folder}: {error.strerror}.", "Give --output another folder."
        ) from error
