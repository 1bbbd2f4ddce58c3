"""`pipeline environment`: what it hands on is what the workflows read."""

import re
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import CHECKOUT

_READ = re.compile(r"steps\.target\.outputs\.(\w+)")
_WRITTEN = re.compile(r"^(\w+)<<", re.MULTILINE)


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_output_is_read(environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step's outputs are those that a workflow names, none more and none fewer."""
    outputs = tmp_path / "outputs"
    outputs.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    monkeypatch.chdir(CHECKOUT)
    workflows = (CHECKOUT / ".github/workflows").glob("*.yml")
    expected = {name for path in workflows for name in _READ.findall(path.read_text(encoding="utf-8"))}

    status = cli.main(["environment", environment])
    written = set(_WRITTEN.findall(outputs.read_text(encoding="utf-8")))

    assert (0, expected) == (status, written)
