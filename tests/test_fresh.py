"""bin/fresh.py runs a command as on a new machine."""

import json
import re
import sys
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, Completed, run
from tests.pipeline.bundles import Repository

pytestmark = pytest.mark.slow

_LOOK = "import json, os, pathlib; print(json.dumps([dict(os.environ), str(pathlib.Path.cwd()), "
_LOOK += (
    "[p.relative_to(os.environ['HOME']).as_posix() for p in pathlib.Path.home().rglob('*') if p.is_file()]]))"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with bin/fresh.py, and the caller's home beside it."""
    folder = tmp_path / "repository"
    made = Repository(folder)
    (folder / "bin").mkdir()
    for name in ("bin/fresh.py", "bin/scratch.py"):
        (folder / name).write_bytes((CHECKOUT / name).read_bytes())
    (folder / "tracked").write_text("as committed")
    made.git("add", ".")
    made.git("commit", "--quiet", "-m", "all")
    (folder / "tracked").write_text("changed since")
    (folder / "left-behind").write_text("by an earlier run")
    home = tmp_path / "home"
    for name in (
        ".npmrc",
        ".config/uv/uv.toml",
        ".config/pip/pip.conf",
        ".cache/uv/wheel",
        ".aws/credentials",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    return folder


def _fresh(repository: Path, *command: str, **environment: str) -> Completed:
    home = str(repository.parent / "home")
    return run(
        [sys.executable, repository / "bin/fresh.py", *command],
        env={"PATH": "/usr/bin:/bin", "HOME": home, **environment},
        inherit=False,
        check=False,
    )


def test_the_callers_world_stays_outside(repository: Path) -> None:
    """Of the variables and files only those are there that say how the registries are reached."""
    secret = {
        "AWS_SECRET_ACCESS_KEY": "k",
        "PYTHONPATH": "/x",
        "UV_OFFLINE": "1",
        "GIT_DIR": "/x",
        "TZ": "Asia/Tokyo",
    }
    reached = {
        "PIP_INDEX_URL": "https://pypi.example/simple",
        "https_proxy": "http://proxy.example",
        "CI": "true",
    }
    ended = _fresh(repository, sys.executable, "-c", _LOOK, **secret, **reached)
    environment, folder, files = json.loads(ended.stdout.splitlines()[1])

    assert reached == {name: environment[name] for name in reached}
    assert not set(secret) & set(environment)
    assert [".config/pip/pip.conf", ".config/uv/uv.toml", ".npmrc"] == sorted(files)
    folders = (
        "HOME",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "UV_CACHE_DIR",
        "PIP_CACHE_DIR",
        "NPM_CONFIG_CACHE",
    )
    box = str(Path(folder).parent)
    assert [box] * len(folders) == [environment[name][: len(box)] for name in folders]
    assert Path(environment["TMPDIR"]).name.startswith("fresh-")


def test_the_clone_is_of_head(repository: Path) -> None:
    """What isn't committed isn't there, which is said; commands go on where the one before ended."""
    ended = _fresh(repository, "cat", "tracked", ":", "touch", "made", ":", "ls")

    assert "as committed" in ended.stdout
    assert ["bin", "made", "tracked"] == [line for line in ended.stdout.splitlines() if "fresh:" not in line][
        -3:
    ]
    assert "what is not committed is not tried" in ended.stderr


def test_the_first_failure_ends_it(repository: Path) -> None:
    """With its status; what it was tried in is kept, and named."""
    ended = _fresh(repository, "sh", "-c", "exit 7", ":", "echo", "further")
    box, tmp = (Path(found) for found in re.findall(r"in (/[^ ,\n]+)", ended.stderr))

    assert (7, False) == (ended.status, "further\n" in ended.stdout.replace("fresh: echo further", ""))
    assert (box / "clone" / "tracked").is_file()
    assert tmp.is_dir()
    tmp.rmdir()


def test_nothing_stays_after_success(repository: Path) -> None:
    """Neither the clone nor its home, nor its temporary files."""
    ended = _fresh(repository, "sh", "-c", "pwd; echo $TMPDIR")

    assert [] == [name for name in ended.stdout.splitlines()[1:3] if Path(name).exists()]
