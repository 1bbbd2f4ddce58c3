"""samconfig.toml as the command reads it: whole environments, or a message with file and line."""

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.source import samconfig
from tests.pipeline.applications import TABLE

GOOD = f"""\
version = 0.1
[dev.global.parameters]
stack_name = "esclusa-dev"
region = "eu-west-1"
[dev.deploy.parameters]
s3_bucket = "bucket"
s3_prefix = "packages"
role_arn = "arn"
capabilities = ["CAPABILITY_IAM"]
tags = ["application=esclusa"]
parameter_overrides = ['Msg="hello world"', 'Subnets="s-1,s-2"', 'Empty=""', 'Said="a \\"b\\" c"', 'Plain=x=y']
[dev.pipeline.parameters]
account = "111111111111"
deploy_role = "arn"
promote_from = ""
soak_minutes = 0
{TABLE}"""


def write(folder: Path, text: str) -> Path:
    (folder / "samconfig.toml").write_text(text)
    return folder


def test_values_arrive_whole(tmp_path: Path) -> None:
    """Blanks, commas, nothing at all, quotes and equals signs (aws-sam-cli issues 2018 and 1652)."""
    found = samconfig.read(write(tmp_path, GOOD), "dev").parameters
    expected = {
        "Msg": "hello world",
        "Subnets": "s-1,s-2",
        "Empty": "",
        "Said": 'a "b" c',
        "Plain": "x=y",
    }

    assert expected == found


def test_an_unknown_environment_is_told_the_known_ones(tmp_path: Path) -> None:
    """A misspelled environment must not fall back to a default (aws-sam-cli issue 9048)."""
    with pytest.raises(ConfigurationError, match="no environment 'prodd'") as caught:
        samconfig.read(write(tmp_path, GOOD), "prodd")

    assert "It has: dev." == caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('region = "eu-west-1"', "", r"samconfig.toml:2: \[dev.global.parameters\] has no region"),
        ('capabilities = ["CAPABILITY_IAM"]', "", r"samconfig.toml:5: \[dev.deploy.parameters\] has no cap"),
        ("[dev.pipeline.parameters]", "[dev.pipeline.other]", r"samconfig.toml:12: .* has no account"),
        (
            'account = "111111111111"',
            "account = 111111111111",
            r":13: .* account is not a text: 111111111111",
        ),
        ('region = "eu-west-1"', "region = ''", r":4: .* region is not a text: ''"),
        ("soak_minutes = 0", "soak_minutes = true", r":16: .* soak_minutes is not a number: True"),
        ("[dev.pipeline.parameters]", "[default.deploy.parameters]", r"\[default\] gives values"),
        ("'Plain=x=y'", "'Plain=x y'", r":11: .* Plain is cut by sam"),
        ("'Plain=x=y'", "'Plain'", r":11: .* parameter_overrides holds 'Plain'"),
        ("'Plain=x=y'", "'Msg=1'", r":11: .* parameter_overrides sets Msg twice"),
        ("version = 0.1", "version = ", r"samconfig.toml is not valid TOML: .*line 1"),
        ("version = 0.1", "dev = 1", r"samconfig.toml is not valid TOML"),
        ("version = 0.1", "prod = 1", r"samconfig.toml:1: \[prod\] is not a table"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Missing, of the wrong type, malformed, or given twice: each a message with file and line."""
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=message) as caught:
        samconfig.read_all(write(tmp_path, GOOD.replace(old, new)))

    assert 2 == caught.value.exit_code


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Outside of a repository."""
    with pytest.raises(ConfigurationError, match=r"samconfig.toml does not exist"):
        samconfig.read(tmp_path, "dev")


def test_this_repositorys_own_environments_can_be_read() -> None:
    """The file that ships passes its own reader."""
    assert {"local", "dev", "prod"} == set(samconfig.read_all(CHECKOUT))
