"""What the reports are made of."""

import datetime as dt
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.report import oscal, page
from pipeline.report.evidence import gather
from pipeline.source.project import Project
from tests.pipeline.report.sample import HOSTILE, evidence
from tests.pipeline.report.schemas import faults


def test_time_can_be_given() -> None:
    """SOURCE_DATE_EPOCH is the time of the reports, so that they can be made again to the byte."""
    made = gather(evidence().report, {"SOURCE_DATE_EPOCH": "1764072000"}).made

    assert dt.datetime(2025, 11, 25, 12, 0, tzinfo=dt.UTC) == made


def test_wrong_time_is_an_error_of_usage() -> None:
    """A SOURCE_DATE_EPOCH that is no number is named."""
    with pytest.raises(ConfigurationError, match="'yesterday'"):
        gather(evidence().report, {"SOURCE_DATE_EPOCH": "yesterday"})


def test_waivers_and_environments_are_those_of_the_repository() -> None:
    """What holds is read from the judged files."""
    files = {
        "samconfig.toml": b'[dev.deploy.parameters]\nparameter_overrides = ["A=1"]\n',
        "policies/waivers.toml": b'[[waiver]]\nrule = "r"\nresource = "Api"\nfact = "Url"\n'
        b'reason = "a reason that explains it"\n'
        b'owner = "a"\napprover = "b"\nticket = "#1"\nexpires = 2026-12-01\n',
    }
    found = gather(evidence(project=Project(Path(), files)).report, {})

    assert ["r:Api:Url"] == [one.id for one in found.waivers]
    assert ["A"] == [row.name for row in found.sides]
    assert "" == found.repository


def test_findings_are_printable() -> None:
    """No text of a finding holds a line end or a character that can't be seen."""
    texts = [one.message + one.file + (one.resource or "") for one in evidence().report.findings]

    assert all(text.isprintable() for text in texts)
    assert not HOSTILE.isprintable()


def test_rules_that_do_not_load_are_no_reason_to_stay_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a rule doesn't load the reports are made all the same, valid, and claim nothing of the rules."""
    broken = tmp_path / "policies" / "lambda" / "broken"
    broken.mkdir(parents=True)
    (broken / "rule.toml").write_text("title = ")
    monkeypatch.setattr("pipeline.report.evidence.CHECKOUT", tmp_path)
    found = gather(evidence().report, {})

    assert () == found.rules
    assert "none was applied" in page.render(found)
    assert [] == faults(f"oscal-assessment-results-{oscal.VERSION}.json", oscal.render(found))
