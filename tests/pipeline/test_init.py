"""`pipeline init`: a team's own names where the example's stand, all of them or none."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import CHECKOUT, run
from pipeline.source import adoption, application, samconfig
from tests.pipeline.bundles import Repository

pytestmark = pytest.mark.outside

NAME = "shop" if application.read(CHECKOUT).name != "shop" else "store"
OTHERS = (
    *("--name", NAME, "--repository", "Initrode/widgets.web"),
    *("--branch", "release/2.x", "--region", "mx-central-1"),
)
IDS = ("135792468013", "246801357924")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with the files that init writes, committed."""
    made = Repository(tmp_path)
    made.commit("names", _texts(CHECKOUT))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def checkout(made: Repository) -> Path:
    """Its folder."""
    return made.folder


def _accounts(*ids: str) -> Iterator[str]:
    for environment, account in zip(adoption.current(CHECKOUT).accounts, ids, strict=True):
        yield from ("--account", f"{environment}={account}")


def _texts(folder: Path) -> dict[str, str]:
    return {file: (folder / file).read_text(encoding="utf-8") for file in adoption.FILES}


def test_every_name_is_written_and_a_second_run_changes_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the example's stays in the files; what was written is read as it was given."""
    old = adoption.current(checkout)

    assert 0 == cli.main(["init", *OTHERS, *_accounts(*IDS), "--yes"])
    text = "".join(_texts(checkout).values())
    owner = old.repository.partition("/")[0]
    left = [*map(re.escape, (*old.accounts.values(), old.region, old.repository))]
    left += [rf"branch(es)?\b.*\b{old.branch}\b", rf"(@|heads/|GitHubBranch=){old.branch}\b"]
    left += [rf"@{owner}/", rf"repo:{owner}@", rf"GitHubOwner={owner} "]
    left += [rf"(?<![\w-]){old.name}-({'|'.join((*old.environments, 'bootstrap'))})\b"]
    assert [] == [pattern for pattern in left if re.search(pattern, text)]

    named = application.read(checkout)
    assert (NAME, "Initrode/widgets.web", "release/2.x") == (named.name, named.repository, named.branch)
    assert IDS == tuple(adoption.current(checkout).accounts.values())
    assert {"mx-central-1"} == {one.region for one in samconfig.read_all(checkout).values()}
    ours = {role: team.replace(f"@{owner}/", "@Initrode/") for role, team in old.teams.items()}
    assert ours == adoption.current(checkout).teams

    release = (checkout / ".github/workflows/release.yml").read_text(encoding="utf-8")
    signer = "https://github.com/Initrode/widgets.web/.github/workflows/attest.yml@refs/heads/release/2.x"
    for asked in (
        "--repo Initrode/widgets.web",
        f"--cert-identity {signer}",
        "--source-ref refs/heads/release/2.x",
    ):
        assert f"{asked} \\\n" in release  # whose attestation counts

    capsys.readouterr()
    assert 0 == cli.main(["init", *OTHERS, *_accounts(*IDS), "--yes"])
    assert "nothing to change" in capsys.readouterr().out


def test_back_again_gives_the_same_files(made: Repository, checkout: Path) -> None:
    """Also where two accounts change places, or a name becomes a word that stands elsewhere in the file."""
    before, old = _texts(checkout), adoption.current(checkout)
    swapped = tuple(reversed(list(old.accounts.values())))

    assert 0 == cli.main(["init", "--name", "app", *_accounts(*swapped), "--yes"])
    made.git("commit", "--quiet", "--all", "-m", "names")
    assert "app" == adoption.current(checkout).name
    assert 0 == cli.main(["init", "--name", old.name, *_accounts(*old.accounts.values()), "--yes"])

    assert before == _texts(checkout)


def test_the_difference_is_shown_and_nothing_written_without_a_yes(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody can be asked, nothing is written."""
    before = _texts(checkout)

    assert 1 == cli.main(["init", *OTHERS])
    said = capsys.readouterr().out
    assert '+repository = "Initrode/widgets.web"' in said
    assert "--yes" in said
    assert before == _texts(checkout)


def test_a_team_of_ones_own_stays(made: Repository, checkout: Path) -> None:
    """Who named other owners keeps them, whatever the repository is called."""
    assert 0 == cli.main(["init", "--team", "security=@initech/red", "--yes"])
    made.git("commit", "--quiet", "--all", "-m", "names")
    assert 0 == cli.main(["init", "--repository", "globex/shop", "--yes"])

    teams = adoption.current(checkout).teams
    assert ("@initech/red", "@globex/platform") == (teams["security"], teams["platform"])


def test_origin_says_which_repository_it_is(made: Repository, checkout: Path) -> None:
    """As git has it, in both forms; another forge's is passed over."""
    old = adoption.current(checkout).repository
    for address, repository in (
        ("https://gitlab.com/globex/shop.git", old),
        ("git@github.com:globex/shop.git", "globex/shop"),
        ("https://github.com/globex/store", "globex/store"),
    ):
        run(["git", "remote", "remove", "origin"], cwd=checkout, check=False)
        made.git("remote", "add", "origin", address)
        assert 0 == cli.main(["init", "--yes"])
        assert repository == adoption.current(checkout).repository
        made.git("commit", "--quiet", "--all", "--allow-empty", "-m", "moved")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--name", "Shop"), "lower-case"),
        (("--name", "a-name-that-is-too-long-for-a-bucket"), "characters"),
        (("--name", "shop-dev"), "-dev in it"),
        (("--repository", "globex"), "OWNER/REPOSITORY"),
        (("--repository", "https://github.com/globex/shop"), "OWNER/REPOSITORY"),
        (("--branch", "a..b"), "name of a branch"),
        (("--region", "mars-north-1"), "no region"),
        (("--region", "us-gov-west-1"), "lies in the partition aws-us-gov"),
        (("--account", "dev=1234"), "12 digits"),
        (("--account", "dev=000000000000"), "no account id"),
        (tuple(_accounts(IDS[0], IDS[0])), "one account"),
        (("--account", "staging=123456789012"), "dev, prod"),
        (("--account", "dev=123456789012", "--account", "dev=123456789012"), "twice"),
        (("--team", "security=red team"), "@ORG/TEAM"),
        (("--team", "ops=@globex/ops"), "developers, platform, security"),
    ],
)
def test_nonsense_is_refused_and_nothing_written(
    checkout: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    """With what is wrong about it."""
    before = _texts(checkout)

    assert 2 == cli.main(["init", *words, "--yes"])
    assert why in capsys.readouterr().err
    assert before == _texts(checkout)


def test_files_with_changes_of_ones_own_are_left_alone(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They would mix with what init writes."""
    owners = checkout / adoption.OWNERS
    owners.write_text(owners.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    before = _texts(checkout)

    assert 2 == cli.main(["init", *OTHERS, "--yes"])
    assert "not committed" in capsys.readouterr().err
    assert before == _texts(checkout)
