"""What a job with a role installs: all that its commands import, and no tool of the tests.

The commands are read from the workflows, and what they import from their code: also within functions.
"""

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline import cli
from pipeline.base.run import CHECKOUT, run, tool
from pipeline.source import duties, role_jobs
from pipeline.source.project import Project
from pipeline.source.scripts import commands
from pipeline.source.workflows import Job
from tests import judged

pytestmark = [pytest.mark.slow, pytest.mark.proof]

SETUP = "./.github/actions/setup"
GROUPS: dict[str, list[Any]] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))[
    "dependency-groups"
]
# Tells the packages of an environment by their names.
LISTED = "import importlib.metadata as m; print(*(one.name for one in m.distributions()))"
# What is imported by each module that a command's module names, and by that in turn.
LOADED = """\
import importlib, sys
sys.path.insert(0, {root!r})
for name in {names!r}:
    importlib.import_module(name)
"""


@pytest.fixture(scope="module")
def project() -> Project:
    return judged.repository()


def installed_for(project: Project, job: Job) -> set[str]:
    """What a job's setup installs: its input `for`."""
    given = [
        duties.mapping(step.body.get("with")) for step in duties.steps(project, job) if step.uses == SETUP
    ]
    return {str(one.get("for")) for one in given}


def called(job: Job) -> set[str]:
    """The commands of `pipeline` in a job's steps."""
    return {one.pipeline for step in job.steps for one in commands(step.run) if one.pipeline}


@pytest.fixture(scope="module")
def deploying(project: Project) -> set[str]:
    """The commands of every job that installs what deploys."""
    jobs = [job for workflow in project.workflows for job in workflow.jobs]
    return {name for job in jobs if "deploy" in installed_for(project, job) for name in called(job)}


def test_jobs_with_a_role_install_what_deploys(project: Project, deploying: set[str]) -> None:
    """And nothing else; the commands are those of deployments, and what they are found by sees them."""
    held = list(role_jobs.jobs(project))

    assert {"deploy"} == {name for job in held for name in installed_for(project, job)}
    assert {"deploy", "drift"} <= {job.id for job in held}
    assert {"deploy", "promote", "rollback", "withdraw", "environment", "drift"} <= deploying


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the engine with nothing installed but by `make install-deploy`, as in a job."""
    root = tmp_path_factory.mktemp("job") / "checkout"
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(("tests/", "docs/", "policies/")) and (CHECKOUT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, root / name)
    uv = root / ".tools/uv/bin/uv"
    uv.parent.mkdir(parents=True)
    shutil.copy(tool("uv"), uv)
    run(["make", "install-deploy"], cwd=root)
    run(["git", "init", "--quiet"], cwd=root)
    return root


def test_each_command_starts_there(checkout: Path, deploying: set[str]) -> None:
    """With its own words: every module that it names at its top is there."""
    failed = {
        name: done.stderr
        for name in sorted(deploying)
        if (done := run([checkout / "bin/pipeline", name, "--help"], cwd=checkout, check=False)).status
    }

    assert {} == failed


def reached(names: set[str]) -> tuple[list[str], set[str]]:
    """The engine's modules behind commands, and the packages that these name: within functions as well."""
    graph = grimp.build_graph("pipeline", include_external_packages=True, cache_dir=None)
    starts = {"pipeline.cli", *(f"pipeline.commands.{name}" for name in names)}
    found = set(starts).union(*(graph.find_upstream_modules(start) for start in starts))
    own = {name for name in found if name.partition(".")[0] == "pipeline"}
    return sorted(own), found - own - set(sys.stdlib_module_names)


def test_all_that_they_import_is_there(checkout: Path, deploying: set[str]) -> None:
    """Whatever way through the code a deployment takes."""
    own, packages = reached(deploying)
    script = LOADED.format(root=str(checkout), names=[*own, *sorted(packages)])
    done = run([checkout / ".venv/bin/python", "-I", "-c", script], check=False)

    assert len(own) > 50
    assert {"boto3", "samtranslator", "cryptography"} <= packages
    assert 0 == done.status, done.stderr


READS = """\
import sys
sys.path.insert(0, {root!r})
from pipeline.source import registry, stateful
assert registry.verdict("AWS::SQS::Queue", ["QueueName"], "eu-west-1") == "replace"
assert stateful.holds_state("AWS::SQS::Queue")
"""


def test_what_they_read_is_there(checkout: Path) -> None:
    """CloudFormation's schemas, by which a deployment's plan and its change set are judged: files, and no import."""
    done = run([checkout / ".venv/bin/python", "-I", "-c", READS.format(root=str(checkout))], check=False)

    assert 0 == done.status, done.stderr


def test_every_command_that_may_stand_beside_a_role_starts_there(checkout: Path) -> None:
    """The list of role_jobs.toml promises no more than is installed."""
    pattern = role_jobs.listed().commands["bin/pipeline"]
    allowed = {name for name in cli.COMMANDS if pattern.fullmatch(name)}
    own, packages = reached(allowed)
    script = LOADED.format(root=str(checkout), names=[*own, *sorted(packages)])

    assert len(allowed) > 5
    assert 0 == run([checkout / ".venv/bin/python", "-I", "-c", script], check=False).status


def exported(group: str) -> set[str]:
    """The packages of a group as uv.lock has them, each with its version and its hashes."""
    words = [
        "export",
        "--quiet",
        "--locked",
        "--no-header",
        "--no-annotate",
        "--no-emit-project",
        "--only-group",
    ]
    return set(run([tool("uv"), *words, group], cwd=CHECKOUT).stdout.replace("\\\n", "").splitlines())


def test_no_tool_of_the_tests_is_there(checkout: Path) -> None:
    """The group's packages and no more; and no .pth, nor what Python runs by its name."""
    printed = run([checkout / ".venv/bin/python", "-I", "-c", LISTED]).stdout
    there = {canonicalize_name(name) for name in printed.split()}
    (packages,) = (checkout / ".venv/lib").glob("python*/site-packages")
    by_itself = [one.name for one in packages.iterdir() if one.suffix == ".pth" or "customize" in one.name]

    expected = {canonicalize_name(row.partition("==")[0]) for row in exported("deploy")}
    asked = {canonicalize_name(Requirement(one).name) for one in GROUPS["main"] if isinstance(one, str)}

    assert expected == there
    assert {
        "pytest",
        "playwright",
        "hypothesis",
        "schemathesis",
        "mypy",
        "pre-commit",
        "coverage",
    } <= asked - there
    assert [] == by_itself


def test_it_is_a_part_of_main() -> None:
    """What a laptop tries is what a deployment runs: the same packages, in the same versions."""
    plain = [
        {row.replace(" ", "").partition(";")[0] + row.partition("--hash")[2] for row in exported(group)}
        for group in ("deploy", "main")
    ]

    assert {"include-group": "deploy"} in GROUPS["main"]
    assert len(plain[0]) > 20
    assert plain[0] <= plain[1]


def installing(root: Path, target: str) -> str:
    """What make would install for a target."""
    printed = run(["make", "--dry-run", "--no-print-directory", target], cwd=root).stdout
    return " ".join(
        row.split("installing ")[1].strip('"') for row in printed.splitlines() if "installing" in row
    )


def test_the_stamp_tells_the_groups_apart(checkout: Path) -> None:
    """What deploys is never taken for the whole, the whole is as good for a deployment; of an older lock is neither."""
    stamp = checkout / ".venv/.lock"
    digest, _, group = stamp.read_text().strip().partition("-")
    seen = []
    for text in (f"{digest}-deploy", digest, f"{digest[::-1]}-deploy", "deploy", ""):
        (checkout / ".venv/.lock").write_text(f"{text}\n")
        seen.append((installing(checkout, "install-deploy"), installing(checkout, "install-main")))
    stamp.write_text(f"{digest}-{group}\n")
    deploy, main = ".venv (what builds and deploys)", ".venv (application, pipeline, tests)"

    assert "deploy" == group
    assert [("", main), ("", ""), (deploy, main), (deploy, main), (deploy, main)] == seen


def test_a_bundle_is_built_there(checkout: Path) -> None:
    """The jobs that build install no more: `release.yml` builds it again beside nothing else."""
    run(["git", "add", "--all"], cwd=checkout)
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    run(["git", *identity, "commit", "--quiet", "-m", "x"], cwd=checkout)
    done = run([checkout / "bin/pipeline", "bundle", "--output", "build/bundle"], cwd=checkout, check=False)

    assert (0, True) == (done.status, (checkout / "build/bundle/app.zip").is_file()), done.stderr
