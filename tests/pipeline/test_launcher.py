"""bin/pipeline: nothing of the repository is imported but the command's own package, and nothing else decides."""

import json
import os
import shutil
import sys
from collections.abc import Callable
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


# What packages bring, and Python runs before anything else. Source: the documentation of its module site.
PLANTS = ("zz.pth", "a.pth", "sitecustomize.py", "usercustomize.py", "sitecustomize/__init__.py")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A checkout whose .venv is of its own, with links to the packages of this one's."""
    root = tmp_path / "checkout"
    packages = root / ".venv/lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (root / "bin").mkdir()
    shutil.copy(CHECKOUT / "bin/pipeline", root / "bin/pipeline")
    shutil.copytree(CHECKOUT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".venv/bin").mkdir()
    (root / ".venv/bin/python").symlink_to((CHECKOUT / ".venv/bin/python").resolve())
    shutil.copy(CHECKOUT / ".venv/pyvenv.cfg", root / ".venv/pyvenv.cfg")
    (own,) = (CHECKOUT / ".venv/lib").glob("python*/site-packages")
    for path in own.iterdir():
        if path.suffix != ".pth":
            (packages / path.name).symlink_to(path)
    return packages


def _checkout(packages: Path) -> Path:
    return packages.parents[3]


@pytest.mark.parametrize("name", PLANTS)
def test_nothing_that_python_runs_by_itself_runs(installed: Path, tmp_path: Path, name: str) -> None:
    """In the command's process, whatever package brought it; Python itself would run each of them."""
    told = tmp_path / "told"
    (installed / name).parent.mkdir(exist_ok=True)
    (installed / name).write_text(f"import sys; open({str(told)!r}, 'a').write('ran')\n")
    root = _checkout(installed)
    done = pipeline(root, "deploy", "--help")

    assert (0, False) == (done.status, told.exists()), done.stderr
    if name != "usercustomize.py":  # -I keeps that away by itself
        run([root / ".venv/bin/python", "-I", "-c", ""])
        assert told.exists()


def test_an_environment_of_another_python_is_told_of(installed: Path) -> None:
    """With what to do about it, and as no verdict."""
    shutil.rmtree(installed)
    done = pipeline(_checkout(installed), "waivers")

    assert (2, True) == (done.status, "site-packages is missing. Run: make -C" in done.stderr)


SHOW_WORLD = """\
import json, os, subprocess
import boto3
from pipeline.base.run import run

def main():
    world = dict(os.environ)
    program = run(["env"]).stdout
    session = boto3.Session(region_name="eu-west-1")
    keys = session.get_credentials()
    print(json.dumps({
        "world": world,
        "program": program.splitlines(),
        "git": run(["git", "--version"]).stdout,
        "sts": session.client("sts").meta.endpoint_url,
        "key": keys.access_key if keys else None,
    }))
"""
# As the runner gives them to the step of a deployment.
JOB = {
    "RUNNER_ENVIRONMENT": "github-hosted",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/ledger",
    "GITHUB_TOKEN": "made-up",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run.actions.githubusercontent.com/x",
    "AWS_ACCESS_KEY_ID": "AKIDJOB",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_SESSION_TOKEN": "made-up",
    "AWS_REGION": "eu-west-1",
}
AWAY = "https://elsewhere.example"
WRITTEN = {  # by an earlier step, to GITHUB_ENV or GITHUB_PATH
    "PYTHONPATH": "{0}",
    "PYTHONSTARTUP": "{0}/x.py",
    "PYTHONHOME": "/nonexistent",
    "LD_LIBRARY_PATH": "{0}",
    "BASH_ENV": "{0}/x.sh",
    "ENV": "{0}/x.sh",
    "HOME": "{0}",
    "XDG_CONFIG_HOME": "{0}",
    "GIT_CONFIG_GLOBAL": "{0}/.gitconfig",
    "GIT_CONFIG_SYSTEM": "{0}/.gitconfig",
    "GIT_CONFIG_PARAMETERS": "'core.fsmonitor={0}/ran'",
    "GIT_EXEC_PATH": "{0}",
    "GIT_DIR": "{0}",
    "GIT_SSH_COMMAND": "{0}/git",
    "AWS_ENDPOINT_URL": AWAY,
    "AWS_ENDPOINT_URL_STS": AWAY,
    "AWS_ENDPOINT_URL_S3": "https://localhost@elsewhere.example",
    "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1.elsewhere.example",
    "AWS_CONFIG_FILE": "{0}/config",
    "AWS_SHARED_CREDENTIALS_FILE": "{0}/config",
    "AWS_PROFILE": "other",
    "AWS_CA_BUNDLE": "{0}/ca.pem",
    "AWS_DATA_PATH": "{0}",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "{0}/config",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/other",
    "BOTO_CONFIG": "{0}/config",
    "HTTPS_PROXY": AWAY,
    "https_proxy": AWAY,
    "ALL_PROXY": AWAY,
    "SSL_CERT_FILE": "{0}/ca.pem",
    "SSL_CERT_DIR": "{0}",
    "REQUESTS_CA_BUNDLE": "{0}/ca.pem",
    "OPENSSL_CONF": "{0}/openssl.cnf",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, object]]:
    """What a command of this checkout's launcher sees of a world."""
    root = tmp_path_factory.mktemp("shown") / "checkout"
    (root / "bin").mkdir(parents=True)
    shutil.copy(CHECKOUT / "bin/pipeline", root / "bin/pipeline")
    shutil.copytree(CHECKOUT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "pipeline/cli.py").write_text(SHOW_WORLD)
    (root / ".venv").symlink_to(CHECKOUT / ".venv")

    def ask(world: dict[str, str]) -> dict[str, object]:
        done = run([root / "bin/pipeline"], cwd=root, env=world, inherit=False)
        return dict(json.loads(done.stdout))

    return ask


@pytest.fixture
def written(tmp_path: Path) -> dict[str, str]:
    """The variables of WRITTEN, and files that they name, which tell that they were run."""
    folder = tmp_path / "written"
    folder.mkdir()
    for name in ("git", "env", "sh", "dirname", "readlink", "python", "python3", "x.py", "x.sh"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
        (folder / name).chmod(0o755)
    (folder / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {folder}/git\n\tpager = {folder}/git\n")
    (folder / "config").write_text(
        f"[default]\ncredential_process = {folder}/git\n[profile other]\ncredential_process = {folder}/git\n"
    )
    made = {name: value.format(folder) for name, value in WRITTEN.items()}
    return made | {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_what_an_earlier_step_wrote_decides_nothing(
    shown: Callable[..., dict[str, object]], written: dict[str, str], tmp_path: Path
) -> None:
    """Neither which programs run, nor where is asked, nor who is believed; what the runner gives is there."""
    seen = shown({**written, **JOB})
    world = seen["world"]
    assert isinstance(world, dict)

    assert [] == sorted(
        name for name, value in written.items() if world.get(name) == value and name not in JOB
    )
    assert JOB.items() <= world.items()
    assert "https://sts.eu-west-1.amazonaws.com" == seen["sts"]
    assert "AKIDJOB" == seen["key"]
    assert str(seen["git"]).startswith("git version")
    assert not (tmp_path / "written/ran").exists()
    assert str(tmp_path) not in json.dumps(seen)


def test_each_of_them_decided(
    shown: Callable[..., dict[str, object]], written: dict[str, str], tmp_path: Path
) -> None:
    """On a person's machine they are that person's: without a job, the same variables count."""
    own = {name: written[name] for name in ("PATH", "HOME", "AWS_ENDPOINT_URL", "HTTPS_PROXY")}
    own["PATH"] = own["PATH"].replace(str(tmp_path / "written") + ":", str(tmp_path) + ":")
    seen = shown({**own, "AWS_ACCESS_KEY_ID": "AKIDOWN", "AWS_SECRET_ACCESS_KEY": "made-up"})

    assert own.items() <= dict(seen["world"]).items()  # type: ignore[call-overload]
    assert AWAY == seen["sts"]


@pytest.mark.parametrize("url", ["https://localhost:4566", "http://127.0.0.1:1", "https://[::1]:4566"])
def test_an_endpoint_on_this_machine_stays(
    shown: Callable[..., dict[str, object]], written: dict[str, str], url: str
) -> None:
    """The laptop's AWS, with its certificate; a service of its own elsewhere still doesn't."""
    near = {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_STS": url, "AWS_ENDPOINT_URL_S3": AWAY}
    seen = shown({**written, **JOB, **near})
    world = dict(seen["world"])  # type: ignore[call-overload]

    assert (url, written["AWS_CA_BUNDLE"]) == (seen["sts"], world["AWS_CA_BUNDLE"])
    assert "AWS_ENDPOINT_URL_S3" not in world


def test_a_job_without_a_role_reaches_its_registries(
    shown: Callable[..., dict[str, object]], written: dict[str, str]
) -> None:
    """A bundle is built there, and by the plan beside GitHub's token, from where the organization has packages."""
    job = {name: value for name, value in JOB.items() if not name.startswith("AWS_")}
    own = {"UV_DEFAULT_INDEX": "https://pypi.example/simple", "HOME": "/home/a", "PATH": os.environ["PATH"]}

    assert own.items() <= dict(shown({**job, **own})["world"]).items()  # type: ignore[call-overload]
