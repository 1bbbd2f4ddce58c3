"""A new machine needs what `make install` fetches and nothing that an earlier run left behind."""

from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, Completed, run

pytestmark = [pytest.mark.proof, pytest.mark.e2e]

# What `make demo` does with the bundle: the packages are there, the network is not.
_BUNDLE = ("make", "install-main", ":", "env", "UV_OFFLINE=1", "bin/pipeline", "bundle")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of HEAD, with what this work tree holds instead."""
    folder = tmp_path / "origin"
    run(["git", "clone", "--quiet", CHECKOUT, folder])
    changed = run(["git", "diff", "--name-only", "-z", "HEAD"], cwd=CHECKOUT).stdout
    for name in filter(None, changed.split("\0")):
        (folder / name).write_bytes((CHECKOUT / name).read_bytes())
    _commit(folder, "as it is here")
    return folder


def _commit(folder: Path, subject: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    run(["git", *identity, "commit", "--quiet", "--all", "--allow-empty", "-m", subject], cwd=folder)


def _fresh(clone: Path, *command: str) -> Completed:
    where = {"TMPDIR": str(clone.parent)}  # what is kept after a failure goes with the test's folder
    return run(["python3", clone / "bin/fresh.py", *command], env=where, check=False)


def test_the_bundle_needs_what_install_fetched(clone: Path) -> None:
    """With an empty cache, from which `make install-main` has taken what it installs, and without the network."""
    ended = _fresh(clone, *_BUNDLE)

    assert 0 == ended.status, ended.stderr


def test_packages_asked_of_the_index_are_missed(clone: Path) -> None:
    """The sabotage: packages by name, as a file of requirements has them, want the index's listing, which nobody
    fetched. On a machine that once resolved anything this passes."""
    source = clone / "pipeline/delivery/bundle.py"
    text = source.read_text(encoding="utf-8")
    by_name = text.replace(', "--format", "pylock.toml"]', "]").replace(
        'f"pylock.{one.name}.toml"', '"wanted.txt"'
    )
    assert 2 == text.count("pylock") - by_name.count("pylock")
    source.write_text(by_name, encoding="utf-8")
    _commit(clone, "ask the index")
    ended = _fresh(clone, *_BUNDLE)

    assert (2, True) == (ended.status, "was not found in the cache" in ended.stderr), ended.stderr
