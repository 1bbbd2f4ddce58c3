import hashlib
from pathlib import Path

import pytest

from tests.sandbox.actions.conftest import Act, Done

LOCK = ("uv.lock", "pyproject.toml", "bin/install-uv.txt", ".python-version")
ENVIRONMENTS = (".venv", ".tools/policy", ".tools/sam", ".tools/sandbox")


@pytest.fixture
def toolchain(tmp_path: Path, workspace: Path) -> Path:
    """A laptop's checkout with uv 1.2.3, all four environments installed, and the job's checkout like it."""
    laptop = tmp_path / "laptop"
    for root in (laptop, workspace):
        (root / "bin").mkdir(parents=True)
        for name in LOCK:
            (root / name).write_text(name)
    stamp = hashlib.sha256("".join(LOCK).encode()).hexdigest()
    for name in ENVIRONMENTS:
        (laptop / name).mkdir(parents=True)
        (laptop / name / ".lock").write_text(f"{stamp}\n")
    uv = laptop / ".tools/uv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text("#!/bin/sh\necho 'uv 1.2.3 (x86_64)'\n")
    uv.chmod(0o755)
    return laptop


def setup(act: Act, toolchain: Path, version: str = "1.2.3") -> Done:
    temporary = toolchain.parent / "temp"
    return act(
        "astral-sh/setup-uv/setup.sh",
        VERSION=version,
        SANDBOX_TOOLCHAIN=str(toolchain),
        RUNNER_TEMP=str(temporary),
    )


def linked(workspace: Path) -> list[str]:
    return [name for name in ENVIRONMENTS if (workspace / name).is_symlink()]


def test_lends_what_is_installed_from_the_same_lock(act: Act, toolchain: Path, workspace: Path) -> None:
    """With the laptop's own lock, each environment is linked, and uv is on PATH in a folder of its own."""
    done = setup(act, toolchain)
    folder = Path((toolchain.parent / "GITHUB_PATH").read_text().strip())

    assert 0 == done.status, done.printed
    assert list(ENVIRONMENTS) == linked(workspace)
    assert [folder / "uv"] == list(folder.iterdir())


@pytest.mark.parametrize("changed", LOCK)
def test_lends_nothing_to_another_lock(act: Act, toolchain: Path, workspace: Path, changed: str) -> None:
    """A commit that changes any of the files that the lock stands on installs for itself."""
    (workspace / changed).write_text("other")

    assert (0, []) == (setup(act, toolchain).status, linked(workspace))


def test_lends_no_environment_that_is_behind(act: Act, toolchain: Path, workspace: Path) -> None:
    """An environment that the laptop installed from an older lock isn't lent: the job would install into it."""
    (toolchain / ".tools/sam/.lock").write_text("older\n")
    setup(act, toolchain)

    assert [".venv", ".tools/policy", ".tools/sandbox"] == linked(workspace)


def test_another_version_of_uv_is_refused(act: Act, toolchain: Path) -> None:
    """A workflow that wants another uv than the laptop has would prove nothing."""
    done = setup(act, toolchain, version="1.2.4")

    assert 1 == done.status
    assert "wants uv 1.2.4, the laptop has 1.2.3" in done.printed


def test_without_uv_it_says_what_to_do(act: Act, toolchain: Path) -> None:
    """A laptop on which nothing is installed gets the command."""
    (toolchain / ".tools/uv/bin/uv").unlink()

    assert "Run: make -C" in setup(act, toolchain).printed
