from pathlib import Path

import pytest

from pipeline.base.run import run
from sandbox.github.event import PullRequest, Repository
from sandbox.github.repository import Remote
from tests.sandbox.actions.conftest import Act, Done

pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """A remote with two commits on main, a branch, an annotated tag on the older commit, a pull request."""
    folder = tmp_path_factory.mktemp("remote")
    source = folder / "source"
    source.mkdir()
    run(["git", "init", "-q", source])
    (source / "a").write_text("a")
    made = Remote(folder / "git", Repository("acme", "ledger"))
    made.create(source)
    made.tag("v1.0.0")
    made.commit("Second", {"b": "b"})
    made.push()
    made.commit("Topic", {"c": "c"}, branch="topic")
    return made


@pytest.fixture(scope="module")
def pull(remote: Remote) -> PullRequest:
    return remote.open_pull_request("topic", "Topic", number=1)


def checkout(act: Act, remote: Remote, ref: str, commit: str, **inputs: str) -> Done:
    variables = {
        "REPOSITORY": "acme/ledger",
        "REF": "",
        "FOLDER": ".",
        "DEPTH": "1",
        "TAGS": "false",
        "SERVER": "https://github.com",
        "EVENT_REF": ref,
        "EVENT_SHA": commit,
        **remote.environment,
    }
    return act("actions/checkout/checkout.sh", **(variables | inputs))


def git(remote: Remote, workspace: Path, *words: str) -> str:
    return remote.git(*words, cwd=workspace)


def test_a_branch_is_shallow_by_default(act: Act, remote: Remote, pull: PullRequest, workspace: Path) -> None:
    """One commit of one branch, on that branch, without tags: what the real action gives."""
    done = checkout(act, remote, "refs/heads/main", remote.head("main"))
    state = [
        git(remote, workspace, *words.split())
        for words in ("branch --show-current", "rev-list --count HEAD", "tag")
    ]

    assert ["main", "1", ""] == state, done.printed
    assert remote.head("main") == done.outputs["commit"]


def test_depth_0_brings_every_branch_and_tag(
    act: Act, remote: Remote, pull: PullRequest, workspace: Path
) -> None:
    """The whole history, every branch of the remote, and tags that stay annotated."""
    checkout(act, remote, "refs/heads/main", remote.head("main"), DEPTH="0")
    branches = git(remote, workspace, "branch", "--remotes", "--format=%(refname:short)").splitlines()

    assert ["origin/main", "origin/topic"] == sorted(branches)
    assert ("tag", "2") == (
        git(remote, workspace, "cat-file", "-t", "v1.0.0"),
        git(remote, workspace, "rev-list", "--count", "HEAD"),
    )


@pytest.mark.parametrize(("depth", "branches"), [("1", []), ("0", ["origin/main", "origin/topic"])])
def test_a_tag_stays_annotated(
    act: Act, remote: Remote, pull: PullRequest, workspace: Path, depth: str, branches: list[str]
) -> None:
    """A tag is checked out as what it is; main's history is there only where it was asked for."""
    checkout(act, remote, "refs/tags/v1.0.0", remote.head("v1.0.0"), DEPTH=depth)
    found = git(remote, workspace, "branch", "--remotes", "--format=%(refname:short)").splitlines()

    assert "tag" == git(remote, workspace, "cat-file", "-t", "v1.0.0")
    assert remote.head("v1.0.0") == git(remote, workspace, "rev-parse", "HEAD")
    assert branches == found


def test_a_pull_request_gives_its_merge(act: Act, remote: Remote, pull: PullRequest, workspace: Path) -> None:
    """The merge commit, detached, without its parents."""
    checkout(act, remote, "refs/pull/1/merge", pull.merge)
    state = [git(remote, workspace, *words.split()) for words in ("branch --show-current", "rev-parse HEAD")]

    assert ["", pull.merge] == state
    assert "c" == (workspace / "c").read_text()


def test_the_events_commit_counts_not_the_branchs_newest(act: Act, remote: Remote, workspace: Path) -> None:
    """A run that starts late still sees the commit of its event."""
    first = remote.head("main~1")
    checkout(act, remote, "refs/heads/main", first)

    assert first == git(remote, workspace, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("ref", "expected"), [("topic", "topic"), ("v1.0.0", "v1.0.0"), ("refs/heads/topic", "topic")]
)
def test_another_ref_can_be_asked_for(
    act: Act, remote: Remote, pull: PullRequest, workspace: Path, ref: str, expected: str
) -> None:
    """`ref` takes a branch, a tag, or a whole name, into `path`."""
    checkout(act, remote, "refs/heads/main", remote.head("main"), REF=ref, FOLDER="other")

    assert remote.head(expected) == git(remote, workspace / "other", "rev-parse", "HEAD")


def test_a_ref_that_is_not_there_is_named(act: Act, remote: Remote) -> None:
    """A branch or tag that the remote hasn't got fails the step."""
    done = checkout(act, remote, "refs/heads/main", remote.head("main"), REF="gone")

    assert 1 == done.status
    assert "A branch or tag with the name 'gone' could not be found" in done.printed
