import hashlib
import os
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run
from tests.sandbox.actions.conftest import Act, Done

pytestmark = pytest.mark.outside

LOCK = ("uv.lock", "pyproject.toml", "bin/install-uv.txt", ".python-version")
POSTGRESQL = ("bin/npm.py", "bin/postgresql/package-lock.json", "bin/postgresql/unpack.py")
ENVIRONMENTS = (".venv", ".tools/policy", ".tools/sam", ".tools/sandbox", ".tools/postgresql")
UV = ".tools/uv/bin/uv"


@pytest.fixture
def toolchain(tmp_path: Path, workspace: Path) -> Path:
    """A laptop's checkout with uv 1.2.3, all that `make install` installs, and the job's checkout like it."""
    laptop = tmp_path / "laptop"
    for root in (laptop, workspace):
        (root / "bin/postgresql").mkdir(parents=True)
        for name in LOCK + POSTGRESQL:
            (root / name).write_text(name)
    for name in ENVIRONMENTS:
        files = POSTGRESQL if name == ".tools/postgresql" else LOCK
        stamp = hashlib.sha256("".join(files).encode()).hexdigest()
        (laptop / name).mkdir(parents=True)
        (laptop / name / ".lock").write_text(f"{stamp}\n")
    uv = laptop / UV
    uv.parent.mkdir(parents=True)
    uv.write_text("#!/bin/sh\necho 'uv 1.2.3 (x86_64)'\n")
    uv.chmod(0o755)
    return laptop


def lend(act: Act, toolchain: Path) -> Done:
    return act("actions/checkout/lend.py", SANDBOX_TOOLCHAIN=str(toolchain), FOLDER=".")


def linked(workspace: Path) -> list[str]:
    return [name for name in ENVIRONMENTS if (workspace / name).is_symlink()]


def test_lends_what_is_installed_from_the_same_lock(act: Act, toolchain: Path, workspace: Path) -> None:
    """With the laptop's own lock, each environment is linked, and uv is there; beside it no python and no pip."""
    done = lend(act, toolchain)

    assert 0 == done.status, done.printed
    assert list(ENVIRONMENTS) == linked(workspace)
    assert [workspace / UV] == list((workspace / UV).parent.iterdir())
    assert "uv 1.2.3 (x86_64)" == run([workspace / UV]).stdout.strip()


@pytest.mark.parametrize("changed", LOCK)
def test_lends_no_environment_to_another_lock(
    act: Act, toolchain: Path, workspace: Path, changed: str
) -> None:
    """A commit that changes any of the files that the lock stands on installs for itself, by the laptop's uv where
    that is the one it wants. PostgreSQL stands on other files."""
    (workspace / changed).write_text("other")

    assert (0, [".tools/postgresql"]) == (lend(act, toolchain).status, linked(workspace))
    assert (changed != "bin/install-uv.txt") == (workspace / UV).exists()


@pytest.mark.slow
def test_make_takes_the_lent_uv_for_made(act: Act, toolchain: Path, workspace: Path) -> None:
    """The laptop's is older than the file that names its hashes in a new checkout: make would fetch it again."""
    for name in (toolchain / UV, toolchain / "bin/install-uv.txt"):
        os.utime(name, (0, 0))
    for read in ("Makefile", "bin/digest.py"):
        (workspace / read).write_text((CHECKOUT / read).read_text())
    before = run(["make", "--question", UV], cwd=workspace, check=False).status
    lend(act, toolchain)

    assert (1, 0) == (before, run(["make", "--question", UV], cwd=workspace, check=False).status)


def test_lends_no_environment_that_is_behind(act: Act, toolchain: Path, workspace: Path) -> None:
    """An environment that the laptop installed from an older lock isn't lent: the job would install into it."""
    (toolchain / ".tools/sam/.lock").write_text("older\n")
    lend(act, toolchain)

    assert [".venv", ".tools/policy", ".tools/sandbox", ".tools/postgresql"] == linked(workspace)


@pytest.mark.parametrize("changed", POSTGRESQL)
@pytest.mark.parametrize("gone", [False, True])
def test_lends_no_postgresql_that_others_name(
    act: Act, toolchain: Path, workspace: Path, changed: str, gone: bool
) -> None:
    """Nor one that is laid out otherwise, nor to a checkout from before it was fetched so."""
    if gone:
        (workspace / changed).unlink()
    else:
        (workspace / changed).write_text("other")

    assert (0, list(ENVIRONMENTS[:-1])) == (lend(act, toolchain).status, linked(workspace))


@pytest.mark.parametrize("missing", LOCK)
def test_lends_nothing_to_another_repository(
    act: Act, toolchain: Path, workspace: Path, missing: str
) -> None:
    """Nor to what has no lock of this kind."""
    (workspace / missing).unlink()

    assert 0 == lend(act, toolchain).status
    assert not (workspace / ".tools").exists()


def test_a_laptop_without_uv_lends_none(act: Act, toolchain: Path, workspace: Path) -> None:
    """The job then fetches it by hash."""
    (toolchain / UV).unlink()

    assert (0, list(ENVIRONMENTS)) == (lend(act, toolchain).status, linked(workspace))
    assert not (workspace / UV).exists()
