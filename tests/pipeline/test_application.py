"""The table [application]: read whole, or refused with file and line; and no environment to anybody."""

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.source import application, samconfig
from pipeline.source.application import LONGEST_NAME, Code
from pipeline.source.environments import environments
from pipeline.source.located import parse
from tests.pipeline.applications import TABLE
from tests.pipeline.applications import application as described


def write(folder: Path, text: str) -> Path:
    (folder / "samconfig.toml").write_text(text)
    return folder


def test_the_table_is_read_whole(tmp_path: Path) -> None:
    """Each value arrives as it is written; code has its CodeUri and its archive by its name."""
    one = application.read(write(tmp_path, TABLE))
    code = {"app": Code("app", ("app",), "lambda"), "rotation": Code("rotation", ("rotation",), "rotation")}
    expected = ("esclusa", "acme/ledger", "main", True, "ApiUrl", ("/health", "/ready"), "/version", code)

    assert expected == (
        *(one.name, one.repository, one.branch, one.ledger, one.url, one.health, one.version, one.code),
    )
    assert ("build/app/", "app.zip") == (one.code["app"].uri, one.code["app"].archive)
    assert ("app", "rotation") == one.folders


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("[application]\n", "[other]\n", 9, r"\[application\] has no name"),
        (TABLE, "application = 1\n", 1, r"\[application\] is not a table"),
        (TABLE, "version = 0.1\n", 1, r"\[application\] is missing"),
        (TABLE, "[[application]]\nname = 'x'\n", 1, r"\[application\] is not a table"),
        ('name = "esclusa"\n', "", 1, r"\[application\] has no name"),
        ('"esclusa"', '"Esclusa"', 2, "name is not lower-case letters"),
        ('"esclusa"', '"two--hyphens"', 2, "name is not lower-case letters"),
        ('"esclusa"', '"-shop"', 2, "name is not lower-case letters"),
        ('"esclusa"', '"shop-"', 2, "name is not lower-case letters"),
        ('"esclusa"', '"shop\\n"', 2, "name is not lower-case letters"),
        ('"esclusa"', '"my_shop"', 2, "name is not lower-case letters"),
        ('"esclusa"', '"7up"', 2, "name is not lower-case letters"),
        ('"esclusa"', '""', 2, "name is not lower-case letters"),
        ('"esclusa"', "7", 2, "name is not lower-case letters"),
        ('"esclusa"', '["shop"]', 2, "name is not lower-case letters"),
        ('"esclusa"', '"s"', 2, "name has 1 characters; 2 to 25 can be"),
        ('"esclusa"', f'"{"s" * (LONGEST_NAME + 1)}"', 2, "name has 26 characters; 2 to 25 can be"),
        ('"esclusa"', '"aws-shop"', 2, "name begins with aws, which AWS keeps"),
        ('"esclusa"', '"ssmall"', 2, "name begins with ssm, which AWS keeps"),
        ('"esclusa"', '"sthree-shop"', 2, "name begins with sthree-, which AWS keeps"),
        ('"acme/ledger"', '"ledger"', 3, "repository is not OWNER/REPOSITORY"),
        ('"acme/ledger"', '"acme/ledger/x"', 3, "repository is not OWNER/REPOSITORY"),
        ('"acme/ledger"', '"https://github.com/acme/ledger"', 3, "repository is not OWNER/REPOSITORY"),
        ('"acme/ledger"', '"acme/.."', 3, "repository is not OWNER/REPOSITORY"),
        ('"main"', '"--upload-pack=x"', 4, "branch is not the name of a branch"),
        ('"main"', '"a..b"', 4, "branch is not the name of a branch"),
        ('"main"', '"a b"', 4, "branch is not the name of a branch"),
        ('"main"', '"main.lock"', 4, "branch is not the name of a branch"),
        ('"main"', '"x/"', 4, "branch is not the name of a branch"),
        ("ledger = true", 'ledger = "true"', 5, "ledger is neither true nor false: 'true'"),
        ("ledger = true", "ledger = 1", 5, "ledger is neither true nor false: 1"),
        ("ledger = true\n", "", 1, r"\[application\] has no ledger"),
        ('"ApiUrl"', '"Api-Url"', 6, "url is not the name of one of the template's outputs"),
        ('["/health", "/ready"]', '"/health"', 7, "health is not a list of routes"),
        ('"/ready"', '"ready"', 7, "health holds 'ready'"),
        ('"/ready"', '"/ready?x=1"', 7, r"health holds '/ready\?x=1'"),
        ('"/ready"', '"/health"', 7, "health holds /health twice"),
        ('"/ready"', "7", 7, "health holds 7"),
        ('version = "/version"\n', "", 1, r"\[application\] has no version"),
        ("ledger = true", "ledger = true\nledgers = 1", 6, r"\[application\] knows no ledgers"),
        ('["app"]', '"app"', 10, r"\[application.code.app\] folders is not a list of folders"),
        ('["app"]', "[]", 10, "folders is not a list of folders"),
        ('["app"]', '["/app"]', 10, "folders holds '/app'"),
        ('["app"]', '["app/"]', 10, "folders holds 'app/'"),
        ('["app"]', '["../app"]', 10, r"folders holds '\.\./app'"),
        ('["app"]', '["app", "app/x"]', 10, "folders has app/x, which app holds"),
        ('["app"]', '["app", "app"]', 10, "folders holds app twice"),
        ('group = "lambda"', "group = 1", 11, r"\[application.code.app\] group is not the name of a group"),
        ('group = "lambda"\n', "", 9, r"\[application.code.app\] has no group"),
        ('group = "lambda"', 'group = "lambda"\nfolder = 1', 12, r"\[application.code.app\] knows no folder"),
        ("code.app", "code.App", 9, r"\[application\] 'App' is not lower-case letters"),
        ("code.app", 'code."../x"', 9, r"\[application\] '\.\./x' is not lower-case letters"),
        ('version = "/version"\n', 'version = "/version"\ncode.other = 1\n', 9, "code.other is not a table"),
        (TABLE[TABLE.index("[application.code.app]") :], "", 1, r"has no table \[application.code.NAME\]"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    """Missing, unknown, of another type, past a limit, or a name that AWS or git would take for something else."""
    assert old in TABLE
    with pytest.raises(ConfigurationError, match=rf"^samconfig.toml:{line}: .*{message}") as caught:
        application.read(write(tmp_path, TABLE.replace(old, new)))

    assert 2 == caught.value.exit_code


@pytest.mark.parametrize("name", ["ab", "s" * LONGEST_NAME, "my-2nd-shop", "release-ledger", "shop2"])
def test_a_name_at_its_bounds_is_taken_and_every_name_made_of_it_fits(name: str) -> None:
    """S3: 63 characters a bucket; IAM: 64 a role; with the longest environment and an account's 12 digits."""
    one = described('"esclusa"', f'"{name}"')
    environment, account = "e" * 12, "1" * 12

    assert 63 >= max(
        map(len, (one.artifact_bucket(environment, account), one.evidence_bucket(environment, account)))
    )
    assert 64 >= max(map(len, (one.deploy_role(environment), one.execution_role(environment))))


@pytest.mark.parametrize("name", ["shop-dev", "shop-dev-eu", "the-dev"])
def test_a_name_that_another_applications_environment_covers_is_refused(tmp_path: Path, name: str) -> None:
    """`shop-dev-*`, which is all that `shop` may touch in dev, would be all of `shop-dev` too."""
    text = TABLE.replace('"esclusa"', f'"{name}"') + '[dev.global.parameters]\nregion = "eu-west-1"\n'
    with pytest.raises(ConfigurationError, match=r"samconfig.toml:2: \[application\] name has -dev in it"):
        application.read(write(tmp_path, text))


def test_two_applications_share_no_name() -> None:
    """Side by side in one account: nothing that is made of the one's name is the other's."""
    names = [
        {
            *(
                one.bootstrap_stack,
                one.artifact_bucket("dev", "1" * 12),
                one.evidence_bucket("dev", "1" * 12),
            ),
            *(one.deploy_role("dev"), one.execution_role("dev"), one.boundary("dev")),
            *(one.signing_key("dev"), one.promotion_key("dev"), one.parameters("dev"), one.prefix("dev")),
        }
        for one in (described(), described('"esclusa"', '"shop"'))
    ]

    assert set() == names[0] & names[1]
    assert 10 == len(names[0]) == len(names[1])


def test_the_table_is_no_environment(tmp_path: Path) -> None:
    """Neither to the commands nor to the gate: nobody deploys to `application`."""
    text = (CHECKOUT / "samconfig.toml").read_text()

    assert ["local", "dev", "prod"] == list(samconfig.read_all(write(tmp_path, text)))
    assert ["local", "dev", "prod"] == [one.name for one in environments(parse(text, "samconfig.toml"))]
    with pytest.raises(ConfigurationError, match="no environment 'application'"):
        samconfig.read(tmp_path, "application")


def test_an_environment_knows_its_application() -> None:
    """Every command has both in one."""
    assert application.read(CHECKOUT) == samconfig.read(CHECKOUT, "dev").application
