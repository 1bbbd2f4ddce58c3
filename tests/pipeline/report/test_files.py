"""The files of --output."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.report import annotations, files, step_summary
from pipeline.report.evidence import Evidence
from tests.pipeline.report.sample import evidence

GOLDEN = Path(__file__).parents[2] / "golden" / "sample"
RENDER: dict[str, Callable[[Evidence], str]] = {
    **files.FILES,
    "step-summary.md": step_summary.render,
    "annotations.txt": lambda given: annotations.render(given.report.findings, given.report.silent),
}


@pytest.mark.parametrize("name", RENDER)
def test_report_is_as_it_was(name: str) -> None:
    """Each report of the sample verdict equals the golden file, whole."""
    actual = RENDER[name](evidence())
    if os.environ.get("UPDATE_GOLDEN") and not os.environ.get("CI"):
        (GOLDEN / name).write_text(actual, encoding="utf-8")
    expected = (GOLDEN / name).read_text(encoding="utf-8")

    assert expected == actual


def test_every_golden_file_is_a_report() -> None:
    """No golden file is left over from a report that is gone."""
    assert set(RENDER) == {path.name for path in GOLDEN.iterdir()}


def test_the_digest_of_the_report_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the step's output, for the job that takes the report over: of the bytes that were written."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    files.write(evidence(), tmp_path)
    digest = hashlib.sha256((tmp_path / "report.json").read_bytes()).hexdigest()
    name, value, _ = (tmp_path / "output").read_text().splitlines()

    assert "report" == name.partition("<<")[0]
    assert digest == value


def test_every_file_is_written(tmp_path: Path) -> None:
    """The folder is made, and holds each report."""
    files.write(evidence(), tmp_path / "a" / "b")

    assert set(files.FILES) == {path.name for path in (tmp_path / "a" / "b").iterdir()}


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the folder's place is an error of usage, which names the folder."""
    (tmp_path / "a").write_text("")

    with pytest.raises(ConfigurationError, match=str(tmp_path / "a")) as caught:
        files.write(evidence(), tmp_path / "a")

    assert 2 == caught.value.exit_code
