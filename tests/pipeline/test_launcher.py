"""bin/pipeline: nothing of the repository is imported but the command's own package."""

import json
import os
import sys
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, Completed, run

pytestmark = pytest.mark.slow

# Asked last, and so for every name that nobody else finds: what somebody imports "if it is there".
WATCH = """
import json, sys
class Watch:
    names = set()
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        cls.names.add(name) if path is None else None
sys.meta_path.append(Watch)
import boto3
from pipeline import cli
for name in cli.COMMANDS:
    cli.module(name)
session = boto3.Session("x", "x", region_name="eu-west-1")
for service in ("s3", "cloudformation", "lambda", "kms", "sts", "ssm"):
    session.client(service)
print(json.dumps(sorted({name.partition(".")[0] for name in Watch.names})))
"""
# What is there, and was shadowed by a file at the top; and what Python itself starts with.
TAKEN = (
    "json",
    "yaml",
    "boto3",
    "botocore",
    "typing_extensions",
    "urllib3",
    "sitecustomize",
    "usercustomize",
)
FEWEST = {"msvcrt", "awscrt"}


@pytest.fixture(scope="module")
def missing() -> set[str]:
    """The top-level names that the command tries to import, and that are nowhere."""
    told = run([sys.executable, "-c", WATCH], env={"PYTHONPATH": str(CHECKOUT)}).stdout
    return set(json.loads(told))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, missing: set[str]) -> Path:
    """A checkout with a module of each of those names, as a file and as a package, that tells that it was loaded."""
    root = tmp_path_factory.mktemp("planted") / "checkout"
    root.mkdir()
    for name in ("bin", "pipeline", "policies", ".venv", ".tools"):
        (root / name).symlink_to(CHECKOUT / name)
    (root / "bin").unlink()
    (root / "bin").mkdir()
    (root / "bin/pipeline").write_bytes((CHECKOUT / "bin/pipeline").read_bytes())
    (root / "bin/pipeline").chmod(0o755)
    (root / "pipeline").unlink()
    run(["cp", "-R", CHECKOUT / "pipeline", root / "pipeline"])
    for name in ("samconfig.toml", "template.yaml"):
        (root / name).write_bytes((CHECKOUT / name).read_bytes())
    for name in {*missing, *TAKEN}:
        told = f"import os\nopen({str(root)!r} + '/loaded', 'a').write(__name__ + chr(10))\n"
        (root / f"{name}.py").write_text(told)
    (root / "start.pth").write_text(
        f"import pathlib; pathlib.Path({str(root / 'loaded')!r}).write_text('pth')\n"
    )
    run(["git", "init", "--quiet"], cwd=root)
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    run(["git", *identity, "commit", "--quiet", "--allow-empty", "-m", "x"], cwd=root)
    return root


def pipeline(root: Path, *words: str, **more: str) -> Completed:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return run([root / "bin/pipeline", *words], cwd=root, env={**kept, **more}, inherit=False, check=False)


def test_there_is_something_to_shadow(missing: set[str]) -> None:
    """The watch sees the names that were shadowed once."""
    assert FEWEST <= missing


@pytest.mark.parametrize(
    "words",
    [
        ["rules"],
        ["trust"],
        ["waivers"],
        ["plan", "--base", "HEAD"],
        ["deploy", "dev", "--bundle", "0" * 64],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": "."}], ids=["plain", "PYTHONPATH"])
def test_no_module_of_the_repository_is_loaded(
    checkout: Path, words: list[str], variables: dict[str, str]
) -> None:
    """Neither in the place of one that is there, nor of one that is tried, whatever the caller's variables say."""
    done = pipeline(checkout, *words, **variables, AWS_EC2_METADATA_DISABLED="true")

    assert "Traceback" not in done.stderr
    assert not (checkout / "loaded").exists()


def test_it_works_from_anywhere(tmp_path: Path) -> None:
    """The code of its own checkout judges the folder that it is called in."""
    done = run([CHECKOUT / "bin/pipeline", "waivers"], cwd=tmp_path, check=False)

    assert (0, "0 waivers, 0 end within 30 days\n") == (done.status, done.stdout)


def test_what_it_starts_does_not_get_the_caller_s_variables(checkout: Path, tmp_path: Path) -> None:
    """git stands for sam and checkov here: what a program is given shows in what it was started with."""
    spy = tmp_path / "git"
    spy.write_text(f"#!/bin/sh\nenv > {tmp_path}/given\nexit 1\n")
    spy.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    pipeline(
        checkout, "plan", "--base", "HEAD", PATH=path, PYTHONPATH=str(checkout), PYTHONSTARTUP="x", OTHER="y"
    )
    given = (tmp_path / "given").read_text().splitlines()

    assert f"PATH={path}" in given
    assert not [one for one in given if one.startswith(("PYTHON", "OTHER"))]
