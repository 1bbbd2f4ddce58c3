"""The repository as somebody else's: judged and tested in a copy whose names, ids, region and owners are others."""

from pathlib import Path

import pytest

from pipeline.base.run import run
from pipeline.source import adoption, application, samconfig
from pipeline.source.configuration import FILE
from pipeline.source.environments import LAPTOP_ACCOUNT
from tests.moved import Somebody, moved

pytestmark = pytest.mark.outside

WORLDS = (
    Somebody(),
    Somebody("sh", "Q/x", "us-east-1", ("123456789012", "210987654321")),
    Somebody("the-longest-name-there-is", "a-b/C.d_e", "eu-central-2", ("555555555555", "444444444444")),
)


@pytest.fixture(scope="module", params=WORLDS, ids=lambda one: one.name)
def copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moved(tmp_path_factory.mktemp("moved") / "repository", request.param)


@pytest.mark.parametrize("to", WORLDS, ids=lambda one: one.name)
def test_only_what_init_writes_is_anothers(to: Somebody, tmp_path: Path) -> None:
    """Settings, owners and the examples of commands: nothing else of the copy differs from here."""
    there = moved(tmp_path / "there", to)
    named = application.read(there)
    environments = samconfig.read_all(there).values()
    listed = run(["git", "ls-files", "-z"], cwd=there).stdout.split("\0")
    here = Path(__file__).parents[1]
    other = [one for one in listed if one and (there / one).read_bytes() != (here / one).read_bytes()]

    assert (to.name, to.repository) == (named.name, named.repository)
    assert set(to.accounts) == {one.account for one in environments} - {LAPTOP_ACCOUNT}
    assert {to.region} == {one.region for one in environments}
    # Where this repository is that somebody's already, there is nothing to write.
    expected = {FILE, adoption.OWNERS, "bootstrap/README.md"} if application.read(here) != named else set()
    assert expected <= set(other) <= set(adoption.FILES)


@pytest.mark.proof
@pytest.mark.marathon
@pytest.mark.parametrize("stage", ["lint", "policy"])
def test_the_gate_is_green(copy: Path, stage: str) -> None:
    """The first pull request of an adopter is judged without a finding."""
    done = run([copy / "bin/pipeline", stage, "--no-cache"], cwd=copy, check=False)

    assert 0 == done.status, done.stdout + done.stderr


@pytest.mark.proof
@pytest.mark.marathon
def test_the_fast_tests_pass(copy: Path) -> None:
    """And so do the tests that its checks run."""
    words = ["-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"]
    words += ["-m", "not slow and not e2e and not proof", "tests"]
    done = run([copy / ".venv/bin/python", *words], cwd=copy, check=False)

    assert 0 == done.status, done.stdout[-6000:] + done.stderr
