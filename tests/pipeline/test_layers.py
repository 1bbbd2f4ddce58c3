"""The directions of imports, as pyproject.toml states them ([tool.importlinter]), judged by import-linter."""

import ast
import shutil
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run

pytestmark = pytest.mark.outside

COPIED = ("pipeline", "sandbox", "benchmarks", "app", "rotation")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and its contracts, to break them in."""
    folder = tmp_path_factory.mktemp("layers")
    for name in COPIED:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


def broken(folder: Path) -> list[str]:
    """The contracts that the code in a folder breaks; import-linter also fails on what it can't read."""
    done = run([CHECKOUT / ".venv/bin/lint-imports", "--no-cache", "--no-logo"], cwd=folder, check=False)
    names = [row.removesuffix(" BROKEN") for row in done.stdout.splitlines() if row.endswith(" BROKEN")]
    assert done.status == (1 if names else 0), done.stdout + done.stderr
    return names


def test_every_package_imports_downwards(tree: Path) -> None:
    """No two packages of the pipeline import each other, and nothing knows the sandbox."""
    assert [] == broken(tree)


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("pipeline/base/git.py", "from pipeline.source import located", "import downwards"),
        ("pipeline/gate/waivers.py", "from pipeline.iam import matrix", "import downwards"),
        ("pipeline/delivery/store.py", "from pipeline.evidence import envelope", "import downwards"),
        ("pipeline/run_me.py", "", "import downwards"),
        ("pipeline/gate/waivers.py", "import sandbox.postgres", "nothing knows the sandbox"),
        ("app/log.py", "from pipeline.base import text", "imports nothing of the engine"),
        ("pipeline/plan/compare.py", "import argparse", "alone read arguments"),
    ],
)
def test_an_import_against_the_direction_is_told(tree: Path, file: str, line: str, contract: str) -> None:
    """Each contract can fail; a module outside of every layer breaks one, too."""
    path = tree / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        told = broken(tree)
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")

    assert any(contract in one for one in told), told


def test_rules_import_the_pipeline_alone() -> None:
    """They are no package, so that import-linter doesn't see them: they are loaded by their folder."""
    roots = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0]
        for path in CHECKOUT.glob("policies/*/*/rule.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert "pipeline" in roots
    assert not roots & {"sandbox", "benchmarks", "app", "rotation", "tests", "policies"}
