"""A freeze stops deployments until it ends, but for marked hotfixes; what stands on main counts."""

import datetime as dt
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.run import CHECKOUT
from pipeline.release import freeze
from tests.pipeline.applications import application
from tests.pipeline.bundles import Repository
from tests.pipeline.cloud import environment

DEV = environment()


def entry(hours: float, name: str = "dev", reason: str = "audit") -> str:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    return f'[[freeze]]\nenvironment = "{name}"\nuntil = {until.isoformat()}\nreason = "{reason}"\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "clone")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return made


def test_a_frozen_environment_takes_no_deployment(repository: Repository) -> None:
    """The message says until when and why."""
    commit = repository.commit("freeze", {freeze.FILE: entry(2)})

    with pytest.raises(GateError, match=r"dev is frozen until .* UTC: audit"):
        freeze.check(repository.folder, DEV, commit)


@pytest.mark.parametrize(
    "text", ["", entry(-1), entry(2, name="prod")], ids=["none", "ended", "another environment's"]
)
def test_nothing_else_stops(repository: Repository, text: str) -> None:
    """No freeze, one that has ended, one of another environment."""
    commit = repository.commit("freeze", {freeze.FILE: text})
    freeze.check(repository.folder, DEV, commit)

    assert freeze.active(repository.folder, DEV, dt.datetime.now(dt.UTC)) is None


def test_a_hotfix_goes_through(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A trailer of the commit says why it can't wait."""
    repository.commit("freeze", {freeze.FILE: entry(2)})
    commit = repository.commit("Stop the leak\n\nHotfix: customers see each other's mail")
    freeze.check(repository.folder, DEV, commit)

    assert "this is a hotfix: customers see each other's mail" in capsys.readouterr().out


def test_the_word_alone_is_no_mark(repository: Repository) -> None:
    """In the subject or in prose it marks nothing."""
    repository.commit("freeze", {freeze.FILE: entry(2)})
    commit = repository.commit("Hotfix the leak\n\nThis is a hotfix: really.\n\nMore text.")

    with pytest.raises(GateError, match="is frozen"):
        freeze.check(repository.folder, DEV, commit)


def test_a_tag_from_before_the_freeze_does_not_escape_it(repository: Repository) -> None:
    """The checked out commit knows nothing of it; main does."""
    before = repository.first
    repository.commit("freeze", {freeze.FILE: entry(2)})
    repository.git("checkout", "--quiet", "--detach", before)

    with pytest.raises(GateError, match="is frozen"):
        freeze.check(repository.folder, DEV, before)


@pytest.mark.parametrize(
    "text",
    [
        "[[freeze]]\n",
        "[[freeze]]\nenvironment = 'dev'\nuntil = 'soon'\nreason = 'x'\n",
        "freeze = 1\n",
        "[[",
        "freeze = [1]\n",
    ],
)
def test_a_file_that_can_not_be_read_stops(repository: Repository, text: str) -> None:
    """A freeze must not be overlooked for a typing error."""
    commit = repository.commit("freeze", {freeze.FILE: text})

    with pytest.raises(ConfigurationError):
        freeze.check(repository.folder, DEV, commit)


def test_the_command_writes_what_the_check_reads(repository: Repository) -> None:
    """Twice, with a reason that needs quoting; of two freezes the longer one holds."""
    (repository.folder / "samconfig.toml").write_text((CHECKOUT / "samconfig.toml").read_text())
    days = [(dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).strftime("%Y-%m-%d") for days in (2, 3)]
    statuses = [cli.main(["freeze", "dev", "--until", day, "--reason", f'say "{day}"']) for day in days]
    repository.git("add", freeze.FILE)
    repository.commit("freeze")
    found = freeze.active(repository.folder, DEV, dt.datetime.now(dt.UTC))

    assert [0, 0] == statuses
    assert found is not None
    assert (f'say "{days[1]}"', days[1]) == (found.reason, f"{found.until:%Y-%m-%d}")


@pytest.mark.parametrize("until", ["2020-01-01", "2999-01-01", "tomorrow", ""])
def test_an_end_that_makes_no_sense_is_a_usage_error(
    repository: Repository, until: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the past, in a thousand years, no time at all."""
    (repository.folder / "samconfig.toml").write_text((CHECKOUT / "samconfig.toml").read_text())

    assert 2 == cli.main(["freeze", "dev", f"--until={until}", "--reason", "audit"])
    assert "--until" in capsys.readouterr().err
    assert not (repository.folder / freeze.FILE).exists()


def test_another_branch_than_main(repository: Repository) -> None:
    """The file counts as the application's branch has it, whatever main says."""
    trunk = environment(application=application('"main"', '"trunk"'))
    repository.git("branch", "trunk")
    commit = repository.commit("freeze", {freeze.FILE: entry(2)})
    freeze.check(repository.folder, trunk, commit)
    repository.git("branch", "--force", "trunk", commit)

    with pytest.raises(GateError, match="dev is frozen"):
        freeze.check(repository.folder, trunk, commit)
