"""The ledger is one folder: without it the application serves, and the gate is content."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run

LEDGER = ("app/ledger", "tests/application/ledger", "benchmarks/ledger.py")
"""The folder, its tests and its benchmark, as docs/your-application.md names them."""

ASK = """
import json, os, sys
from app import create_app
from app.config import Config
client = create_app(Config.from_environ(os.environ)).test_client()
json.dump({path: client.get(path).status_code for path in sys.argv[1:]}, sys.stderr)
"""


@pytest.fixture
def without(tmp_path: Path) -> Path:
    """A copy of the project from which the ledger was deleted."""
    copy = tmp_path / "copy"
    unwanted = shutil.ignore_patterns(
        ".git", ".venv", ".tools", ".sandbox", "build", "__pycache__", ".*_cache"
    )
    shutil.copytree(CHECKOUT, copy, symlinks=True, ignore=unwanted)
    for name in LEDGER:
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return copy


def test_the_application_serves_without_the_ledger(without: Path, migrated: dict[str, str]) -> None:
    """Health, readiness and version answer as before; the ledger's own addresses are unknown."""
    paths = {"/health": 200, "/ready": 200, "/version": 200, "/api/deployments": 404, "/ledger": 404}
    done = subprocess.run(
        [sys.executable, "-P", "-c", ASK, *paths],
        cwd=without,
        env={**migrated, "PYTHONPATH": str(without)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert paths == json.loads(done.stderr)


@pytest.mark.slow
@pytest.mark.proof
def test_the_gate_passes_without_the_ledger(without: Path) -> None:
    """Nothing else imports it: types, templates and policies hold, the routes in the template included."""
    for name in (".venv", ".tools"):
        (without / name).symlink_to(CHECKOUT / name)
    settings = without / "policies/settings.toml"
    open_routes = re.compile(r"(?ms)^open_routes = \[.*?^\]")
    settings.write_text(
        open_routes.sub("open_routes = []", settings.read_text(encoding="utf-8")), encoding="utf-8"
    )
    run([without / "bin/pipeline", "routes", "--write"], cwd=without)
    done = [run([without / "bin/pipeline", stage], cwd=without, check=False) for stage in ("lint", "policy")]

    assert [0, 0] == [one.status for one in done], "".join(one.stdout + one.stderr for one in done)
