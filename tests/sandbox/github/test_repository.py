from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.base.run import run
from sandbox.github.event import NOTHING, Repository
from sandbox.github.repository import Remote

pytestmark = pytest.mark.outside


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A work tree with a tracked, an untracked, an ignored, a deleted and an executable file, and a link."""
    root = tmp_path / "source"
    root.mkdir()
    run(["git", "init", "-q", root])
    for name in ("tracked", "gone", "build/ignored"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(name)
    (root / ".gitignore").write_text("build/\n")
    run(["git", "-C", root, "add", "tracked", "gone", ".gitignore"])
    (root / "gone").unlink()
    (root / "new.sh").write_text("#!/bin/sh\n")
    (root / "new.sh").chmod(0o755)
    (root / "link").symlink_to("tracked")
    return root


@pytest.fixture
def remote(source: Path, tmp_path: Path) -> Remote:
    made = Remote(tmp_path / "state", Repository("acme", "ledger"))
    made.create(source)
    return made


def test_the_first_commit_holds_the_work_tree(remote: Remote) -> None:
    """Tracked and new files are in the first commit with mode and link; ignored and deleted ones are not."""
    listed = remote.git("ls-tree", "-r", "--format=%(objectmode) %(path)", "origin/main").splitlines()

    assert ["100644 .gitignore", "120000 link", "100755 new.sh", "100644 tracked"] == listed


def test_a_folder_that_is_no_work_tree_is_refused(tmp_path: Path) -> None:
    """A folder without git can't be taken, and nothing is made of it."""
    (tmp_path / "plain").mkdir()

    with pytest.raises(ConfigurationError, match="is no git work tree"):
        Remote(tmp_path / "state", Repository("acme", "ledger")).create(tmp_path / "plain")


def test_the_persons_own_configuration_has_no_say(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing, hooks and names of the person's own git don't reach the sandbox."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[user]\n\tname = Carol\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Carol")
    made = Remote(tmp_path / "state", Repository("acme", "ledger"))
    made.create(source)

    assert "alice alice@users.noreply.github.com" == made.git("log", "-1", "--format=%an %ae")


def test_a_persons_own_git_in_the_clone_reaches_the_laptops_github(remote: Remote) -> None:
    """Fetch, pull and push go to the folder of remotes, never to the GitHub that the URL names."""
    head = remote.commit("Say hello", {"hello": "hello"})
    for words in (["push", "--quiet", "origin", "main"], ["fetch"], ["pull", "--quiet"]):
        run(["git", *words], cwd=remote.clone, env={"GIT_ALLOW_PROTOCOL": "file"})

    assert head == remote.git("rev-parse", "main", cwd=remote.bare)
    assert remote.url == remote.git("config", "remote.origin.url")


def test_a_push_tells_what_changed(remote: Remote) -> None:
    """A push's event has the commits before and after, and the files between."""
    before = remote.head()
    after = remote.commit("Change", {"tracked": "other", "docs/a.md": "new", "link": None})
    event = remote.push()

    assert (before, after) == (event.payload["before"], event.payload["after"])
    assert ("docs/a.md", "link", "tracked") == event.changed
    assert ("refs/heads/main", after, "push") == (event.ref, event.sha, event.name)


def test_a_new_branch_begins_where_it_left_main(remote: Remote) -> None:
    """The first push of a branch has nothing before it, and only its own files as changes."""
    remote.commit("Topic", {"topic": "x"}, branch="topic")
    event = remote.push("topic")

    assert (NOTHING, ("topic",)) == (event.payload["before"], event.changed)


def test_tags_keep_their_kind(remote: Remote) -> None:
    """An annotated tag's event has the tag object as `after` and the commit as GITHUB_SHA."""
    annotated, light = remote.tag("v1.0.0"), remote.tag("v1.0.1", annotated=False)
    kinds = [remote.git("cat-file", "-t", event.payload["after"]) for event in (annotated, light)]

    assert ["tag", "commit"] == kinds
    assert {remote.head("main")} == {annotated.sha, light.sha}


def test_a_pull_request_is_checked_on_its_merge(remote: Remote) -> None:
    """refs/pull/N/merge joins base and head, refs/pull/N/head is the head, and its files are those of the head."""
    head = remote.commit("Topic", {"topic": "x"}, branch="topic")
    remote.commit("Meanwhile", {"other": "y"})
    base = remote.push().sha
    request = remote.open_pull_request("topic", "A topic", number=1)
    parents = remote.git("log", "-1", "--format=%P", request.merge).split()
    listed = remote.git("ls-remote", "origin", "refs/pull/*").split()

    assert [base, head] == parents
    assert [head, "refs/pull/1/head", request.merge, "refs/pull/1/merge"] == listed
    assert ("topic",) == request.changed


def test_the_same_merge_stays(remote: Remote) -> None:
    """Where neither head nor base has moved, a second later too: another commit's time would make it another."""
    remote.commit("Topic", {"topic.py": ""}, branch="topic")
    request = remote.open_pull_request("topic", "A topic", number=1)

    assert request is remote.refresh(request)

    remote.commit("Once more", {"topic.py": "1"}, branch="topic")
    updated = remote.update_pull_request(request)
    assert request.merge != updated.merge
    assert remote.head("topic") == remote.git("rev-parse", f"{updated.merge}^2")


def test_a_base_that_moved_is_merged_with_and_not_told(remote: Remote) -> None:
    """The merge is with the base of now; the event still tells the one of the opening."""
    remote.commit("Topic", {"topic.py": ""}, branch="topic")
    request = remote.open_pull_request("topic", "A topic", number=1)
    remote.commit("Meanwhile", {"other.py": ""}, branch="main")
    remote.push("main")
    now = remote.refresh(request)
    event = now.event(remote.repository)

    assert request.base_sha == event.payload["pull_request"]["base"]["sha"] != remote.head("main")
    assert remote.head("main") == remote.git("rev-parse", f"{event.sha}^1")
    assert ("topic.py",) == now.changed


def test_a_merge_queue_has_a_branch_of_its_own(remote: Remote) -> None:
    """Its commit is on top of the base that it tells, and main hasn't moved yet."""
    remote.commit("Topic", {"topic.py": ""}, branch="topic")
    before = remote.head("main")
    event = remote.queue(remote.open_pull_request("topic", "A topic", number=1))

    assert before == remote.head("main") == event.payload["merge_group"]["base_sha"]
    assert before == remote.git("rev-parse", f"{event.sha}^1")
    assert event.sha == remote.git("ls-remote", "origin", event.ref).partition("\t")[0]
    assert event.ref.startswith("refs/heads/gh-readonly-queue/main/pr-1-")


def test_a_merge_is_a_merge_commit_on_main(remote: Remote) -> None:
    """Merging pushes one merge commit whose first parent is main."""
    before = remote.head("main")
    head = remote.commit("Topic", {"topic": "x"}, branch="topic")
    event = remote.merge(remote.open_pull_request("topic", "A topic", number=1))

    assert [before, head] == remote.git("log", "-1", "--format=%P", event.sha).split()
    assert event.sha == remote.git("ls-remote", "origin", "refs/heads/main").split()[0]
    assert event.payload["head_commit"]["message"].startswith("Merge pull request #1 from acme/topic")


def test_a_fork_pushes_to_its_own_repository(remote: Remote) -> None:
    """A fork's branch isn't in the repository; its pull request's refs are, and the event says that it is one."""
    fork = Repository("mallory", "ledger", owner_id=6, id=7)
    remote.commit("Topic", {"topic": "x"}, branch="topic", author="mallory")
    request = remote.open_pull_request("topic", "Please", number=1, author="mallory", fork=fork)

    assert "" == remote.git("ls-remote", "origin", "refs/heads/topic")
    assert request.head == remote.git("ls-remote", "origin", "refs/pull/1/head").split()[0]
    assert request.event(remote.repository).fork
    assert (
        "mallory/ledger"
        == request.event(remote.repository).payload["pull_request"]["head"]["repo"]["full_name"]
    )


def test_a_conflict_is_an_error(remote: Remote) -> None:
    """A pull request that can't be merged has no merge commit to check."""
    remote.commit("Topic", {"tracked": "one"}, branch="topic")
    remote.commit("Meanwhile", {"tracked": "two"})
    remote.push()

    with pytest.raises(ToolError, match="merge-tree"):
        remote.open_pull_request("topic", "A topic", number=1)


def test_a_checkout_holds_a_commit_that_no_branch_names(remote: Remote, tmp_path: Path) -> None:
    """The merge commit of a pull request can be checked out, with GitHub's URL as origin."""
    remote.commit("Topic", {"topic": "x"}, branch="topic")
    request = remote.open_pull_request("topic", "A topic", number=1)
    remote.checkout(request.merge, tmp_path / "tree")

    assert "x" == (tmp_path / "tree/topic").read_text()
    assert "https://github.com/acme/ledger" == remote.git(
        "config", "remote.origin.url", cwd=tmp_path / "tree"
    )


def test_the_branch_may_have_another_name(source: Path, tmp_path: Path) -> None:
    """What is committed, pushed, tagged, asked for and merged without a branch goes to the repository's own."""
    repository = Repository.of("acme/ledger", "release/next")
    made = Remote(tmp_path / "state", repository)
    made.create(source)
    made.commit("One", {"one": "1"})
    pushed, tagged = made.push(), made.tag("v1.0.0")
    made.commit("Topic", {"topic": "x"}, branch="topic")
    request = made.open_pull_request("topic", "A topic", number=1)
    merged = made.merge(request)
    branches = made.git("ls-remote", "--heads", "--symref", "origin", "HEAD", "refs/heads/*")

    assert {"refs/heads/release/next"} == {pushed.ref, merged.ref, repository.branch_ref}
    assert (pushed.sha, "release/next") == (tagged.sha, request.base)
    assert "release/next" == merged.payload["repository"]["default_branch"]
    assert "refs/heads/main" not in branches
