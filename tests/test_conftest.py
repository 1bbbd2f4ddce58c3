"""What a person sees while the tests run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT

CONFTEST = """
from tests import conftest
conftest.QUIET_SECONDS = 0.0
pytest_runtestloop = conftest.pytest_runtestloop
"""
# Ends when somebody has seen that it runs, or after so long that nobody would.
TESTS = """
import time
from pathlib import Path

def test_quick() -> None:
    pass

def test_long() -> None:
    until = time.monotonic() + 120
    while not Path("seen").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
"""


@pytest.mark.slow
def test_a_long_test_is_named_while_it_runs(tmp_path: Path) -> None:
    """By its name and with its seconds, by the process that a person looks at; one that has ended is not."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "test_some.py"]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    lines = []
    with subprocess.Popen(words, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        for line in started.stdout:
            lines.append(line)
            if "test_long: runs" in line:
                (tmp_path / "seen").touch()

    assert 0 == started.returncode, "".join(lines)
    named = [line for line in lines if "test_long: runs" in line]
    assert named
    assert named[-1].startswith("     the tests run, ")
    assert "test_quick" not in named[-1]
