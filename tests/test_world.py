"""The caller's world doesn't reach in: tests and gate give the same verdict wherever, and whoever runs them."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.run import CHECKOUT, run
from tests.other_user import NOBODY, become_nobody
from tests.pipeline.gate.conftest import SETTINGS
from tests.pipeline.gate.test_engines import FAULTS
from tests.worlds import World, all_of

pytestmark = [pytest.mark.proof, pytest.mark.e2e]
WORLDS = (
    *("GITHUB", "AWS", "PYTHON", "PIP and UV", "GIT", "settings in HOME", "locale C", "another language"),
    *(
        "east of the date line",
        "west, by half an hour",
        "what tools heed",
        "umask",
        "path",
        "shallow",
        "nobody",
    ),
    "together",
)
JUDGED = ("GITHUB", "what tools heed", "nobody", "together")
# Tests that are fast, and have to do with git, time, files, programs, texts, AWS' variables and GitHub's.
TESTS = (
    "tests/pipeline/test_drift.py",
    "tests/pipeline/test_freeze.py",
    "tests/pipeline/test_summary.py",
    "tests/pipeline/test_release.py",
    "tests/pipeline/report/test_files.py",
    "tests/sandbox/github/test_repository.py",
    "tests/app/test_config.py",
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the worlds are: not below pytest's folder, where another user may not enter."""
    with tempfile.TemporaryDirectory(prefix="esclusa-worlds-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def worlds(folder: Path) -> Mapping[str, World]:
    """Every world by its name."""
    return all_of(folder / "made")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    """The files of this checkout, as they are now, in a repository with a history of two commits."""
    made = folder / "source"
    made.mkdir()
    _git(made, "init", "--quiet", "--initial-branch=main")
    _git(made, "commit", "--quiet", "--allow-empty", "-m", "first")
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, made / name)
    _git(made, "add", "--all", "--force")
    _git(made, "commit", "--quiet", "-m", "second")
    return made


def _git(where: Path, *words: str) -> None:
    run(["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words], cwd=where)


@pytest.fixture(scope="module")
def project(worlds: Mapping[str, World], folder: Path, source: Path) -> Callable[[str], Path]:
    """The project as it lies in a world: a clone that uses this checkout's tools, or the checkout itself."""

    @cache
    def made(name: str) -> Path:
        world = worlds[name]
        if not world.place:
            return CHECKOUT
        place = folder / world.place
        depth = ["--depth=1"] if world.shallow else []
        run(["git", "clone", "--quiet", *depth, source.as_uri(), place])
        run(["git", "checkout", "--quiet", "--detach"], cwd=place)
        for tools in (".venv", ".tools"):
            (place / tools).symlink_to(CHECKOUT / tools)
        if world.nobody:
            _give_away(place)
        return place

    return made


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        run(["chown", "-R", str(NOBODY), folder])


def _call(
    words: Sequence[str | Path], where: Path, world: World, folder: Path
) -> subprocess.CompletedProcess[bytes]:
    home = folder / "read-only"
    home.mkdir(mode=0o555, exist_ok=True)
    return subprocess.run(
        words,
        cwd=where,
        env=world.environ(home),
        umask=world.umask,
        preexec_fn=become_nobody if world.nobody else None,
        capture_output=True,
        check=False,
    )


def _pytest() -> list[str]:
    """How `make test` calls pytest, its options aside."""
    found = re.search(
        r"^PYTEST = \$\(SCRATCH\) (\S+ .*-m pytest) ",
        (CHECKOUT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert found is not None
    return found[1].split()


def test_the_worlds_are_these(worlds: Mapping[str, World]) -> None:
    """None is left out."""
    assert WORLDS == tuple(worlds)


@pytest.mark.parametrize("name", WORLDS)
def test_tests_pass(
    worlds: Mapping[str, World], project: Callable[[str], Path], folder: Path, name: str
) -> None:
    """What passes here passes in each world, and nothing is skipped there."""
    words = [*_pytest(), "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *TESTS]
    done = _call(words, project(name), worlds[name], folder)
    said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")

    assert (0, None) == (done.returncode, re.search(r"\d+ (failed|error|skipped)", said)), said[-6000:]


@pytest.fixture(scope="module")
def judged(
    worlds: Mapping[str, World], project: Callable[[str], Path], folder: Path
) -> Callable[[str, str], Any]:
    """What a stage says of a small repository with a fault for each tool."""

    @cache
    def verdict(name: str, stage: str) -> Any:
        world = worlds.get(name, World())
        here = folder / "judged" / name / (world.place or "plain")
        for file, text in ({"samconfig.toml": SETTINGS} | FAULTS).items():
            (here / file).parent.mkdir(parents=True, exist_ok=True)
            (here / file).write_text(text, encoding="utf-8")
        _give_away(folder / "judged" / name)
        words: list[str | Path] = [
            (project(name) if name else CHECKOUT) / "bin/pipeline",
            stage,
            "--format",
            "json",
            "--no-cache",
        ]
        done = _call(words, here, world, folder)
        said = json.loads(done.stdout or b"{}")
        found = sorted(json.dumps(one) for one in said.get("findings", ()))
        return done.returncode, said.get("verdict"), found, "" if found else done.stderr.decode()[-3000:]

    return verdict


@pytest.mark.parametrize("stage", ["lint", "policy"])
@pytest.mark.parametrize("name", JUDGED)
def test_the_verdict_is_the_same(judged: Callable[[str, str], Any], name: str, stage: str) -> None:
    """Status and findings, each with its file, line and words."""
    expected, actual = judged("", stage), judged(name, stage)

    assert (1, "failed") == expected[:2]
    assert expected == actual
