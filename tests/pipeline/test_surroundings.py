"""What programs see of the caller's world."""

import os
import runpy
import sys
from pathlib import Path

import pytest

from pipeline.base import surroundings
from pipeline.base.run import CHECKOUT, run
from pipeline.base.surroundings import bare, kept
from pipeline.source import blobs
from tests.pipeline.bundles import Repository
from tests.worlds import all_of

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_no_variable_that_decides_a_verdict_is_kept(tmp_path: Path) -> None:
    """Of all the worlds' variables none but HOME reaches a program as the caller set it."""
    for name, world in all_of(tmp_path).items():
        left = {key for key, value in kept(world.variables).items() if world.variables.get(key) == value}

        assert left <= {"HOME"}, name


def test_how_registries_are_reached_is_kept() -> None:
    """Else nobody behind a proxy or with a registry of their own could build a bundle."""
    given = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "UV_DEFAULT_INDEX": "https://pypi.example/simple",
        "UV_INDEX_OURS_PASSWORD": "made-up",
        "UV_CACHE_DIR": "/cache",
        "PIP_INDEX_URL": "https://pypi.example/simple",
    }

    assert given == {name: value for name, value in kept(given).items() if name in given}


def test_a_tool_of_the_gate_gets_no_credential() -> None:
    """A pull request's own tests run as such a tool: they see neither a registry's password nor the person's HOME."""
    given = {
        "UV_INDEX_OURS_PASSWORD": "made-up",
        "HTTPS_PROXY": "http://a:b@proxy.example",
        "HOME": "/home/a",
    }

    assert set(given).isdisjoint(bare(given))


@pytest.mark.outside
def test_programs_make_files_that_others_may_read(tmp_path: Path) -> None:
    """Whatever the caller's mask: a bundle's modes must not hang on it."""
    mask = os.umask(0o077)
    try:
        run([sys.executable, "-c", "open('made', 'w')"], cwd=tmp_path)
    finally:
        os.umask(mask)

    assert 0o644 == (tmp_path / "made").stat().st_mode & 0o777


@pytest.mark.outside
@pytest.mark.parametrize("world", ["GIT", "settings in HOME"])
def test_a_commits_files_are_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: str) -> None:
    """A person's line ends, attributes and hooks change nothing that git stores or gives out."""
    worlds = all_of(tmp_path / "worlds")
    (tmp_path / "repository").mkdir()
    for name, value in worlds[world].variables.items():
        monkeypatch.setenv(name, value)
    repository = Repository(tmp_path / "repository")
    commit = repository.commit("first", {"a.py": "one\n$Id$\n", "b.txt": "two\r\n"})
    blobs.write(blobs.read(repository.folder, commit), tmp_path / "out")

    assert {"a.py": b"one\n$Id$\n", "b.txt": b"two\r\n"} == {
        path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()
    }


def test_both_lists_of_how_registries_are_reached_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """bin/fresh.py runs before anything is installed, for any Python 3, and so has a list of its own."""
    monkeypatch.syspath_prepend(CHECKOUT / "bin")  # as when it runs
    fresh = runpy.run_path(str(CHECKOUT / "bin/fresh.py"))

    assert {name.upper() for name in surroundings.REGISTRIES} == set(fresh["REGISTRIES"])
    assert surroundings.INDEX == fresh["INDEX"]
