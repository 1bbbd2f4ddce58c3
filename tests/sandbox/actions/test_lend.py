import hashlib
import os
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run
from tests.sandbox.actions.conftest import Act, Done

pytestmark = pytest.mark.outside

LOCK = ("uv.lock", "pyproject.toml", "bin/install-uv.txt", ".python-version")
POSTGRESQL = ("bin/npm.py", "bin/postgresql/package-lock.json", "bin/postgresql/unpack.py")
SERVER = ".tools/postgresql"
GROUPS = {"main": ".venv", "policy": ".tools/policy", "sam": ".tools/sam", "sandbox": ".tools/sandbox"}
UV = ".tools/uv/bin/uv"
# What a uv does here: it tells, and makes a folder.
PROGRAM = """\
#!/bin/sh
echo "uv $*"
if [ "$1" = sync ]; then mkdir -p "$UV_PROJECT_ENVIRONMENT/bin" && touch "$UV_PROJECT_ENVIRONMENT/bin/python"; fi
"""


@pytest.fixture
def toolchain(tmp_path: Path, workspace: Path) -> Path:
    """A laptop's checkout with a uv, all that `make install` installs, and the job's checkout like it."""
    laptop = tmp_path / "laptop"
    for root in (laptop, workspace):
        (root / "bin/postgresql").mkdir(parents=True)
        for name in LOCK + POSTGRESQL:
            (root / name).write_text(name)
    for name in (*GROUPS.values(), SERVER):
        files = POSTGRESQL if name == SERVER else LOCK
        stamp = hashlib.sha256("".join(files).encode()).hexdigest()
        (laptop / name / "bin").mkdir(parents=True)
        (laptop / name / "bin/python").write_text(name)
        (laptop / name / ".lock").write_text(f"{stamp}\n")
    uv = laptop / UV
    uv.parent.mkdir(parents=True)
    uv.write_text(PROGRAM)
    uv.chmod(0o755)
    return laptop


def lend(act: Act, toolchain: Path) -> Done:
    return act("actions/checkout/lend.py", SANDBOX_TOOLCHAIN=str(toolchain), FOLDER=".")


def install(workspace: Path, group: str, run_of: str = "runs/1") -> str:
    """Install a group as the Makefile does, in a run of the sandbox; returns what was printed."""
    environment = GROUPS.get(group, ".venv")
    variables = {"UV_PROJECT_ENVIRONMENT": environment, "SANDBOX_RUN": str(workspace.parent / "box" / run_of)}
    return run([workspace / UV, "sync", "--only-group", group], cwd=workspace, env=variables).stdout


def test_lends_what_is_asked_for_and_nothing_else(act: Act, toolchain: Path, workspace: Path) -> None:
    """A job that has a role doesn't see the tools of one that has none: what it lacks, it lacks here too."""
    assert 0 == lend(act, toolchain).status
    assert [SERVER] == [name for name in (*GROUPS.values(), SERVER) if (workspace / name).exists()]
    assert [workspace / UV] == list((workspace / UV).parent.iterdir())

    assert ".tools/policy is the laptop's, made from the same files\n" == install(workspace, "policy")
    assert ".tools/policy" == (workspace / ".tools/policy/bin/python").read_text()
    assert not (workspace / ".venv").exists()


def test_what_a_job_writes_stays_in_the_job(act: Act, toolchain: Path, workspace: Path) -> None:
    """make writes its stamp, and a link of its own; others read the laptop's at the same time."""
    lend(act, toolchain)
    before = (toolchain / ".venv/.lock").read_text()
    install(workspace, "main")
    assert not (workspace / ".venv/.lock").exists()
    (workspace / ".venv/.lock").write_text("other")
    (workspace / ".venv/bin/pipeline").symlink_to("../../bin/pipeline")

    assert (before, ["python"]) == (
        (toolchain / ".venv/.lock").read_text(),
        [path.name for path in (toolchain / ".venv/bin").iterdir()],
    )


def test_what_deploys_is_installed_alone_once_for_all_jobs(
    act: Act, toolchain: Path, workspace: Path
) -> None:
    """The laptop's .venv has the tools of the tests as well: a job of GitHub's that deploys has not."""
    lend(act, toolchain)
    first, second = (install(workspace, "deploy", f"runs/{number}") for number in (1, 2))

    said = ".venv is the laptop's, made from the same files\n"
    assert (f"uv sync --only-group deploy\n{said}", said) == (first, second)
    assert "" == (workspace / ".venv/bin/python").read_text()


def test_uv_does_all_else(act: Act, toolchain: Path, workspace: Path) -> None:
    """As the laptop's, with the arguments as they are."""
    lend(act, toolchain)

    assert "uv export --a b c\n" == run([workspace / UV, "export", "--a", "b c"]).stdout


@pytest.mark.parametrize("changed", LOCK)
@pytest.mark.parametrize("group", [*GROUPS, "deploy"])
def test_lends_no_environment_to_another_lock(
    act: Act, toolchain: Path, workspace: Path, changed: str, group: str
) -> None:
    """A commit that changes any of the files that the lock stands on installs for itself, by the laptop's uv where
    that is the one it wants. PostgreSQL stands on other files."""
    (workspace / changed).write_text("other")

    assert 0 == lend(act, toolchain).status
    assert (workspace / SERVER).is_symlink()
    assert (changed != "bin/install-uv.txt") == (workspace / UV).exists()
    if (workspace / UV).exists():
        assert f"uv sync --only-group {group}\n" == install(workspace, group)
        assert not (workspace / GROUPS.get(group, ".venv") / "bin/python").is_symlink()


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
    """An environment that the laptop installed from an older lock isn't lent."""
    (toolchain / ".tools/sam/.lock").write_text("older\n")
    lend(act, toolchain)

    assert "uv sync --only-group sam\n" == install(workspace, "sam")
    assert "the laptop's" in install(workspace, "policy")


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

    assert 0 == lend(act, toolchain).status
    assert not (workspace / SERVER).exists()
    assert "the laptop's" in install(workspace, "main")


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

    assert 0 == lend(act, toolchain).status
    assert not (workspace / UV).exists()
