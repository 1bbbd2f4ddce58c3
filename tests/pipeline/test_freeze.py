"""A freeze stops deployments until it ends, but for what its owners except by name; what stands on main counts."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.run import CHECKOUT
from pipeline.release import decisions, freeze
from tests.pipeline.applications import application
from tests.pipeline.bundles import Repository
from tests.pipeline.cloud import environment

DEV = environment()


def entry(hours: float, name: str = "dev", reason: str = "audit", begins: float = -1000) -> str:
    now = dt.datetime.now(dt.UTC)
    times = {"begins": now + dt.timedelta(hours=begins), "until": now + dt.timedelta(hours=hours)}
    return decisions.written("freeze", {"environment": name, **times, "reason": reason, "owner": "ada"})


def exception(release: str, name: str = "dev") -> str:
    return decisions.written(
        "exception", {"environment": name, "release": release, "reason": "mail leaks", "owner": "bob"}
    )


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
        freeze.check(replace(DEV, repository=repository.folder), commit)


@pytest.mark.parametrize(
    "text",
    ["", entry(-1), entry(2, name="prod"), entry(2, begins=1)],
    ids=["none", "ended", "another environment's", "to come"],
)
def test_nothing_else_stops(repository: Repository, text: str) -> None:
    """No freeze, one that has ended or not begun, one of another environment."""
    commit = repository.commit("freeze", {freeze.FILE: text})
    freeze.check(replace(DEV, repository=repository.folder), commit)

    assert freeze.active(replace(DEV, repository=repository.folder), dt.datetime.now(dt.UTC)) is None


@pytest.mark.parametrize("named", ["commit", "tag"])
def test_what_its_owners_except_goes_through(
    repository: Repository, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    """By its commit or its tag, with a reason and a name, which are told and recorded."""
    commit = repository.commit("Stop the leak")
    repository.tag("v1.0.1")
    repository.commit(
        "freeze", {freeze.FILE: entry(2) + exception(commit if named == "commit" else "v1.0.1")}
    )
    (said,) = freeze.check(replace(DEV, repository=repository.folder), commit)

    assert "audit (ada), as bob decided of " in said
    assert said.endswith(": mail leaks")
    assert said in capsys.readouterr().out
    assert "Deployed in the freeze until" in said


@pytest.mark.parametrize("release", ["f" * 40, "v1.0.0", "v9.9.9"])
@pytest.mark.parametrize("name", ["dev", "prod"])
def test_no_other_release_is_excepted(repository: Repository, release: str, name: str) -> None:
    """Another commit, a tag of another one, a tag that isn't there, another environment's exception."""
    repository.tag("v1.0.0")
    commit = repository.commit("Stop the leak")
    others = entry(2) + exception(release, name) + exception(commit, "prod")
    repository.commit("freeze", {freeze.FILE: others})

    with pytest.raises(GateError, match="is frozen"):
        freeze.check(replace(DEV, repository=repository.folder), commit)


@pytest.mark.parametrize(
    "message",
    [
        "hotfix: reword the readme",
        "Merge pull request #7\n\nhotfix: reword the readme",
        "Stop the leak\n\nHotfix: customers see each other's mail",
        "Reword\n\nException: yes\nFreeze: none",
    ],
)
def test_no_title_and_no_message_ends_a_freeze(repository: Repository, message: str) -> None:
    """A pull request's title and description become the merge's message, and its author writes them.

    GitHub: "Configuring commit merging" (default messages of merge and squash commits).
    """
    repository.commit("freeze", {freeze.FILE: entry(2)})
    commit = repository.commit(message)

    with pytest.raises(GateError, match=r"dev is frozen until .* UTC: audit \(ada\)") as caught:
        freeze.check(replace(DEV, repository=repository.folder), commit)
    assert f'  | release = "{commit}"\n' in caught.value.hint


def test_an_exception_counts_on_the_branch_alone(repository: Repository) -> None:
    """What a tag or another branch says of itself decides nothing."""
    repository.commit("freeze", {freeze.FILE: entry(2)})
    repository.git("checkout", "--quiet", "-b", "other")
    commit = repository.commit("Stop the leak")
    repository.commit("except", {freeze.FILE: entry(2) + exception(commit)})

    with pytest.raises(GateError, match="is frozen"):
        freeze.check(replace(DEV, repository=repository.folder), commit)


def test_a_tag_from_before_the_freeze_does_not_escape_it(repository: Repository) -> None:
    """The checked out commit knows nothing of it; main does."""
    before = repository.first
    repository.commit("freeze", {freeze.FILE: entry(2)})
    repository.git("checkout", "--quiet", "--detach", before)

    with pytest.raises(GateError, match="is frozen"):
        freeze.check(replace(DEV, repository=repository.folder), before)


@pytest.mark.parametrize(
    "text",
    [
        "[[freeze]]\n",
        entry(2).replace("audit", " "),
        entry(2).replace('owner = "ada"', "owner = 1"),
        entry(2).replace('owner = "ada"\n', ""),
        entry(2).replace("owner", "ownr"),
        entry(2).replace("freeze", "freezes"),
        entry(2) + 'only = "weekends"\n',
        f"until = 'soon'\n{entry(2)}",
        exception("main"),
        exception("HEAD~1"),
        exception("abc123"),
        '[[exception]]\nenvironment = "dev"\nrelease = "v1.0.0"\nreason = "x"\n',
        "[[freeze]]\nenvironment = 'dev'\nbegins = 'now'\nuntil = 'soon'\nreason = 'x'\nowner = 'x'\n",
        # As it was written before freezes had owners: it must not be overlooked.
        "[[freeze]]\nenvironment = 'dev'\nuntil = 2999-01-01T00:00:00Z\nreason = 'x'\n",
        "freeze = 1\n",
        "[[",
        "freeze = [1]\n",
    ],
)
def test_a_file_that_can_not_be_read_stops(repository: Repository, text: str) -> None:
    """A freeze must not be overlooked for a typing error."""
    commit = repository.commit("freeze", {freeze.FILE: text})

    with pytest.raises(ConfigurationError):
        freeze.check(replace(DEV, repository=repository.folder), commit)


def test_the_command_writes_what_the_check_reads(repository: Repository) -> None:
    """Twice, with a reason that needs quoting; of two freezes the longer one holds."""
    (repository.folder / "samconfig.toml").write_text((CHECKOUT / "samconfig.toml").read_text())
    days = [(dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).strftime("%Y-%m-%d") for days in (2, 3)]
    words = ["freeze", "dev", "--owner", "sec", "--from", "2026-01-01"]
    statuses = [cli.main([*words, "--until", day, "--reason", f'say "{day}"']) for day in days]
    repository.git("add", freeze.FILE)
    repository.commit("freeze")
    found = freeze.active(replace(DEV, repository=repository.folder), dt.datetime.now(dt.UTC))

    assert [0, 0] == statuses
    assert found is not None
    assert (f'say "{days[1]}"', days[1]) == (found.reason, f"{found.until:%Y-%m-%d}")


@pytest.mark.parametrize("until", ["2020-01-01", "2999-01-01", "tomorrow", ""])
def test_an_end_that_makes_no_sense_is_a_usage_error(
    repository: Repository, until: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the past, in a thousand years, no time at all."""
    (repository.folder / "samconfig.toml").write_text((CHECKOUT / "samconfig.toml").read_text())

    assert 2 == cli.main(["freeze", "dev", f"--until={until}", "--reason", "audit", "--owner", "sec"])
    assert "--until" in capsys.readouterr().err
    assert not (repository.folder / freeze.FILE).exists()


def test_another_branch_than_main(repository: Repository) -> None:
    """The file counts as the application's branch has it, whatever main says."""
    trunk = environment(application=application('"main"', '"trunk"'))
    repository.git("branch", "trunk")
    commit = repository.commit("freeze", {freeze.FILE: entry(2)})
    freeze.check(replace(trunk, repository=repository.folder), commit)
    repository.git("branch", "--force", "trunk", commit)

    with pytest.raises(GateError, match="dev is frozen"):
        freeze.check(replace(trunk, repository=repository.folder), commit)
