"""The sandbox without the checks before a deployment, for what is not about them.

A small checks.yml writes the reports that a deployment asks for. All other workflows, the engine and the accounts are
the real ones.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.base.run import CHECKOUT, run, tool
from sandbox.accounts import Account
from sandbox.state import Sandbox

CHECKS = """\
name: Checks
on:
  workflow_call:
    inputs: {base: {type: string, default: ""}}
permissions: {}
jobs:
  stage:
    name: ${{ matrix.stage }}
    strategy: {matrix: {stage: [lint, policy, test]}}
    runs-on: ubuntu-24.04
    steps:
      - env: {STAGE: "${{ matrix.stage }}"}
        run: |
          mkdir -p build
          cat > build/report.json << END
          {"schema": 1, "commit": "$GITHUB_SHA", "findings": [],
           "stages": [{"name": "$STAGE", "status": "passed", "seconds": 1.0}]}
          END
      - uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with: {name: "report-${{ matrix.stage }}", path: build}
"""


@contextmanager
def unchecked(folder: Path, accounts: tuple[Account, ...] | None = None) -> Iterator[Sandbox]:
    """A sandbox with these accounts, or all that workflows deploy to, empty; it ends with the context."""
    os.umask(0o022)
    source = folder / "source"
    run(["git", "init", "--quiet", source])
    for name in run(["git", "ls-files"], cwd=CHECKOUT).stdout.splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, source / name, follow_symlinks=False)
    (source / ".github/workflows/checks.yml").write_text(CHECKS)
    (source / ".github/workflows/code-scanning.yml").unlink()
    with Sandbox(folder / "box", source=source, accounts=accounts) as box:
        packages = run([tool("uv"), "cache", "dir"]).stdout.strip()
        box.github.aws = {**box.aws.variables(), "UV_CACHE_DIR": packages, "UV_OFFLINE": "1"}
        yield box
