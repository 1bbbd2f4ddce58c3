"""What the work tree lets pass that its base held: told by the gate's own report too."""

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.gate import baseline, loosening, parts
from pipeline.source import settings
from pipeline.source.project import Project
from pipeline.source.settings import Loosened
from tests.pipeline.bundles import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One whose main keeps logs for 30 days and two findings of mypy."""
    made = Repository(tmp_path / "clone")
    listed = "app/a.py: misc: one\napp/a.py: misc: two\n"
    made.commit("all", {settings.FILE: "mypy_baseline = 2\n[days]\nlogs = 30\n", baseline.FILE: listed})
    return made


def test_the_work_tree_is_compared_with_its_base(repository: Repository) -> None:
    """What isn't committed yet, too: it is what is judged."""
    (repository.folder / settings.FILE).write_text("mypy_baseline = 7\n[days]\nlogs = 14\n")
    rows = "".join(f"app/a.py: misc: {name}\n" for name in ("one", "two", "two", "x", "y", "z"))
    (repository.folder / baseline.FILE).write_text(rows)

    assert (
        Loosened("days.logs", "30", "14"),
        Loosened("mypy_baseline", "2", "7"),
        Loosened(
            baseline.FILE,
            "2 findings",
            "6 findings, new ones: app/a.py: misc: two; app/a.py: misc: x; app/a.py: misc: y; and 1 more",
        ),
    ) == loosening.against(Project.load(repository.folder), "main")


def test_an_exchanged_finding_is_seen(repository: Repository) -> None:
    """The number stays: one is mended, another one let be."""
    (repository.folder / baseline.FILE).write_text("app/a.py: misc: one\napp/a.py: misc: new\n")
    found = loosening.against(Project.load(repository.folder), "main")

    assert found is not None
    assert [baseline.FILE] == [one.setting for one in found]


def test_without_a_base_nothing_is_said(repository: Repository, tmp_path: Path) -> None:
    """No base, a branch that is new, no repository: that isn't "nothing is loosened"."""
    project = Project.load(repository.folder)

    assert [None, None] == [loosening.against(project, base) for base in ("", parts.NEW)]
    assert loosening.against(Project(tmp_path / "none", {}), "main") is None
    assert () == loosening.against(project, "main")
    with pytest.raises(ConfigurationError, match="no commit of this clone"):
        loosening.against(project, "gone")


def test_a_base_that_can_not_be_read_let_nothing_pass(repository: Repository) -> None:
    """What holds without a file is compared: all of the file is new then."""
    repository.commit("broken", {settings.FILE: "mypy_baseline = \n"})
    repository.git("checkout", "--quiet", "-b", "feature")
    (repository.folder / settings.FILE).write_text("[days]\nlogs = 13\n")

    assert (Loosened("days.logs", "14", "13"),) == loosening.against(Project.load(repository.folder), "main")
