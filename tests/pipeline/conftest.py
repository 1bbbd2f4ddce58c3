"""What the tests of the command share."""

from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from tests.pipeline.bundles import Repository
from tests.pipeline.cloud import cloud

__all__ = ["cloud"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with this one's settings; the commands run in it."""
    made = Repository(tmp_path / "clone")
    (made.folder / "samconfig.toml").write_text((CHECKOUT / "samconfig.toml").read_text())
    monkeypatch.chdir(made.folder)
    return made
