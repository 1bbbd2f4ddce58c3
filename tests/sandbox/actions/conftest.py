import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run

ACTIONS = CHECKOUT / "sandbox/actions"


@dataclass(frozen=True)
class Done:
    """A stand-in's script that ended: status, what it printed, its outputs and exported variables."""

    status: int
    printed: str
    outputs: Mapping[str, str]
    exported: Mapping[str, str]


type Act = Callable[..., Done]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The folder that a job works in."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def act(tmp_path: Path, workspace: Path) -> Act:
    """Run a script of a stand-in as its action.yml does, with these variables."""

    def started(script: str, **variables: str) -> Done:
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for path in files.values():
            path.write_text("")
        artifacts = tmp_path / "artifacts"
        artifacts.mkdir(exist_ok=True)
        env = {
            "PATH": os.environ["PATH"],
            "SANDBOX_ARTIFACTS": str(artifacts),
            "GITHUB_WORKSPACE": str(workspace),
            **{name: str(path) for name, path in files.items()},
            **variables,
        }
        program = "bash" if script.endswith(".sh") else sys.executable
        done = run([program, ACTIONS / script], cwd=workspace, env=env, inherit=False, check=False)
        read = {
            name: dict(line.partition("=")[::2] for line in path.read_text().splitlines())
            for name, path in files.items()
        }
        return Done(done.status, done.stdout + done.stderr, read["GITHUB_OUTPUT"], read["GITHUB_ENV"])

    return started
