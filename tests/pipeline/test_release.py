"""Which tags are releases: exactly vX.Y.Z, annotated, on main's history, in a clone that can tell."""

import json
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.run import run
from pipeline.source import tags as release
from tests.pipeline.bundles import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "clone")


@pytest.mark.parametrize("tag", ["v1.2.3", "v10.0.0", "v0.0.0"])
def test_a_release_tag(tag: str) -> None:
    """Major, minor and patch, without leading zeros."""
    assert tuple(int(part) for part in tag[1:].split(".")) == release.version(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "v1.2.3-rc.1",
        "v1.2",
        "v01.2.3",
        "v1.2.3.4",
        "vendor",
        "V1.2.3",
        "v1.2.3\n",
        "1.2.3",
        "v1.2.3+1",
        "",
        "v1.2.٣",
    ],
)
def test_any_other_tag_is_refused(tag: str) -> None:
    """Near misses of Semantic Versioning, a trailing line end and foreign digits among them."""
    with pytest.raises(GateError, match="is not a release tag"):
        release.version(tag)


def test_a_tag_on_mains_history(repository: Repository) -> None:
    """Also one that main has moved on from."""
    repository.tag("v1.0.0")
    repository.commit("second")

    assert release.Release("v1.0.0", repository.first) == release.verify("v1.0.0", repository.folder, "main")


def test_a_tag_beside_main(repository: Repository) -> None:
    """A commit that was never merged is not released."""
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit("idea")
    repository.tag("v1.0.0")

    with pytest.raises(GateError, match="not on main's history"):
        release.verify("v1.0.0", repository.folder, "main")


def test_a_lightweight_tag(repository: Repository) -> None:
    """It has no author and no date."""
    repository.tag("v1.0.0", annotated=False)

    with pytest.raises(GateError, match="lightweight"):
        release.verify("v1.0.0", repository.folder, "main")


def test_a_tag_that_is_not_there(repository: Repository) -> None:
    """The clone was made without tags, or the name is wrong."""
    with pytest.raises(GateError, match=r"There is no tag v1\.0\.0 here"):
        release.verify("v1.0.0", repository.folder, "main")


def test_a_shallow_clone_is_refused(repository: Repository, tmp_path: Path) -> None:
    """Its history ends somewhere: whether the tag is on main can't be told."""
    repository.commit("second")
    repository.tag("v1.0.0")
    run(["git", "clone", "--quiet", "--depth=1", repository.folder.as_uri(), tmp_path / "shallow"])

    with pytest.raises(GateError, match="shallow clone"):
        release.verify("v1.0.0", tmp_path / "shallow", "main")


def test_a_clone_without_main_is_refused(repository: Repository) -> None:
    """There is nothing to compare the tag with."""
    repository.tag("v1.0.0")
    repository.git("branch", "-m", "main", "trunk")

    with pytest.raises(GateError, match="no branch main"):
        release.verify("v1.0.0", repository.folder, "main")


def test_a_version_below_the_last_is_refused(repository: Repository) -> None:
    """Versions rise along main; a late v1.0.5 after v1.1.0 would put an older number on newer code."""
    repository.tag("v1.1.0")
    repository.commit("second")
    repository.tag("v1.0.5")

    with pytest.raises(GateError, match=r"v1\.0\.5 is not higher than v1\.1\.0"):
        release.verify("v1.0.5", repository.folder, "main")


def test_an_earlier_release_stays_valid(repository: Repository) -> None:
    """v1.0.0 is verified again after v1.1.0 was made on a later commit: nothing about it changed."""
    repository.tag("v1.0.0")
    repository.commit("second")
    repository.tag("v1.1.0")

    assert repository.first == release.verify("v1.0.0", repository.folder, "main").commit


def test_a_lightweight_tag_is_no_earlier_release(repository: Repository) -> None:
    """A higher lightweight tag, which was refused, doesn't keep a lower release back."""
    repository.tag("v1.0.1", annotated=False)
    repository.tag("v1.0.0")

    assert repository.first == release.verify("v1.0.0", repository.folder, "main").commit


def test_another_branch_than_main(repository: Repository) -> None:
    """What the application is deployed from is what counts: main's history is no way in then."""
    repository.git("branch", "trunk")
    repository.commit("on main alone")
    repository.tag("v1.0.0")

    with pytest.raises(GateError, match="not on trunk's history"):
        release.verify("v1.0.0", repository.folder, "trunk")
    with pytest.raises(GateError, match="has no branch elsewhere"):
        release.verify("v1.0.0", repository.folder, "elsewhere")


def pushed(repository: Repository, monkeypatch: pytest.MonkeyPatch, tag: str = "v1.0.0") -> None:
    """A run that the push of a tag began: GitHub has its commit in GITHUB_SHA, and its own object in `after`."""
    event = repository.folder.parent / "event.json"
    event.write_text(json.dumps({"after": repository.git("rev-parse", f"refs/tags/{tag}")}))
    for name, value in {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": f"refs/tags/{tag}",
        "GITHUB_SHA": repository.git("rev-parse", f"refs/tags/{tag}^{{commit}}"),
        "GITHUB_EVENT_PATH": str(event),
    }.items():
        monkeypatch.setenv(name, value)


def test_a_tag_as_it_was_pushed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while another one is pushed."""
    repository.tag("v1.0.0")
    pushed(repository, monkeypatch)
    verified = release.verify("v1.0.0", repository.folder, "main")
    repository.commit("second")
    repository.tag("v1.1.0")

    assert verified == release.verify("v1.0.0", repository.folder, "main")
    assert "v1.1.0" == release.verify("v1.1.0", repository.folder, "main").tag


@pytest.mark.parametrize("change", ["moved", "made anew"])
def test_a_tag_that_is_another_than_was_pushed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """At another commit; or at the same one with another message, after somebody approved the run."""
    repository.tag("v1.0.0")
    pushed(repository, monkeypatch)
    commit = repository.commit("second") if change == "moved" else repository.first
    repository.git("tag", "-f", "-a", "-m", "v1.0.0\n\nAdopt-Drift: yes", "v1.0.0", commit)

    with pytest.raises(GateError, match="now; this run is for") as caught:
        release.verify("v1.0.0", repository.folder, "main")
    assert commit in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{}", "x"])
def test_an_event_that_can_not_be_read_is_no_verdict(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Nobody guesses what was pushed."""
    repository.tag("v1.0.0")
    pushed(repository, monkeypatch)
    (repository.folder.parent / "event.json").write_text(text)

    with pytest.raises(ConfigurationError, match="The event of this run can't be read"):
        release.verify("v1.0.0", repository.folder, "main")
