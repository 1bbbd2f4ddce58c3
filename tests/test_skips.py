"""What is skipped is told at the end, and fails in CI."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, Completed, run

pytestmark = [pytest.mark.slow, pytest.mark.proof]

_TESTS = """
import pytest

@pytest.mark.skipif(True, reason="no browser (apt-get install chromium)")
def test_page(): ...

@pytest.mark.skipif(True, reason="no browser (apt-get install chromium)")
def test_other_page(): ...

def test_left_out(): pytest.skip("no such device")

def test_sound(): ...
"""


def _pytest(folder: Path, *, ci: str, workers: str = "0", tests: str = _TESTS) -> Completed:
    (folder / "conftest.py").write_bytes((CHECKOUT / "tests/conftest.py").read_bytes())
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-ra",
            "-n",
            workers,
            "-c",
            os.devnull,
            "--rootdir",
            folder,
            folder,
        ],
        cwd=CHECKOUT,
        env={**own, "CI": ci},
        inherit=False,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_was_not_tested_is_told_by_reason(tmp_path: Path, workers: str) -> None:
    """Each reason once, with the number of its tests, as the last thing before pytest's closing line."""
    ended = _pytest(tmp_path, ci="", workers=workers)

    assert 0 == ended.status, ended.stdout
    assert [
        "not tested: 1 test: no such device",
        "not tested: 2 tests: no browser (apt-get install chromium)",
    ] == sorted(ended.stdout.splitlines()[-3:-1])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_in_ci_a_skipped_test_fails(tmp_path: Path, workers: str) -> None:
    """Also where everything else passed."""
    ended = _pytest(tmp_path, ci="true", workers=workers)

    assert (1, True) == (ended.status, "1 passed, 3 skipped" in ended.stdout)


def test_in_ci_nothing_skipped_passes(tmp_path: Path) -> None:
    """The rule is on skipped tests alone."""

    assert 0 == _pytest(tmp_path, ci="true", tests="def test_sound(): ...\n").status
