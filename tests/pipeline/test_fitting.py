"""The application, its template and its commit fit: what one of them says and another doesn't has its line."""

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.delivery import bundle
from pipeline.source.application import settle
from pipeline.source.fitting import misfits
from pipeline.source.located import parse
from tests.pipeline.applications import TABLE

TEMPLATE = """\
Globals: {Function: {Runtime: python3.13}}
Resources:
  One: {Type: "AWS::Serverless::Function", Properties: {CodeUri: build/app/}}
  Two: {Type: "AWS::Serverless::Function", Properties: {CodeUri: build/rotation}}
  Three:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ./build/app/
  Text: {Type: "AWS::Serverless::Function", Properties: {InlineCode: "pass"}}
  Image: {Type: "AWS::Serverless::Function", Properties: {PackageType: Image, ImageUri: x}}
Outputs: {ApiUrl: {Value: x}}
"""
PROJECT = "[dependency-groups]\nlambda = []\nRota.tion = []\n".replace("Rota.tion", '"Rota-tion"')
LOCK = """\
[[package]]
name = "ledger"
source = { virtual = "." }
[package.metadata.requires-dev]
lambda = []
rota-tion = []
"""
FILES = {"app/aws.py", "rotation/function.py", "apple/x.py"}


def found(
    *, table: str = TABLE, template: str = TEMPLATE, project: str = PROJECT, lock: str = LOCK
) -> list[tuple[str, int, str]]:
    settings = parse(table.replace('group = "rotation"', 'group = "rota.tion"'), "samconfig.toml")
    described, faults = settle(settings.data)
    assert [] == faults
    document = parse(template, "template.yaml")
    wrong = misfits(described, settings, document, parse(project, "pyproject.toml"), lock, FILES)
    return [(one.file, one.line, one.message) for one in wrong]


def test_what_fits_has_no_misfit() -> None:
    """Two functions of one code, code in the template, an image, and a group that is written in another way."""
    assert [] == found()


@pytest.mark.parametrize(
    ("old", "new", "file", "line", "message"),
    [
        ("CodeUri: ./build/app/", "CodeUri: build/web/", "template.yaml", 8, "has no [application.code.web]"),
        ("CodeUri: ./build/app/", "CodeUri: src/", "template.yaml", 8, "Three is not from the bundle"),
        (
            "CodeUri: ./build/app/",
            "CodeUri: build/app/x/",
            "template.yaml",
            8,
            "Three is not from the bundle",
        ),
        ("CodeUri: ./build/app/", "CodeUri: s3://bucket/key", "template.yaml", 8, "is not from the bundle"),
        ("CodeUri: ./build/app/", "CodeUri: {Bucket: b}", "template.yaml", 8, "is not from the bundle"),
        ("CodeUri: ./build/app/", "Timeout: 3", "template.yaml", 7, "Three doesn't say what code it runs"),
        ("Runtime: python3.13}", "CodeUri: build/web}", "template.yaml", 1, ""),
        (
            "CodeUri: build/rotation",
            "CodeUri: build/app",
            "samconfig.toml",
            12,
            "no function of template.yaml",
        ),
        ("ApiUrl:", "Address:", "samconfig.toml", 6, "url names the output ApiUrl"),
        ("Outputs: {ApiUrl: {Value: x}}\n", "", "samconfig.toml", 6, "url names the output ApiUrl"),
    ],
)
def test_what_the_template_says_otherwise(old: str, new: str, file: str, line: int, message: str) -> None:
    """A function without a table, a table without a function, an output that isn't there."""
    assert old in TEMPLATE
    wrong = found(template=TEMPLATE.replace(old, new))

    if message:
        assert [(file, line)] == [one[:2] for one in wrong]
        assert message in wrong[0][2]
    else:
        assert [] == wrong  # nobody takes what Globals give


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('folders = ["app"]', 'folders = ["app", "appl"]', 10, "has the folder appl, which doesn't exist"),
        ('folders = ["rotation"]', 'folders = ["rotation/sub"]', 13, "has the folder rotation/sub"),
        ('group = "lambda"', 'group = "lambdas"', 11, "group lambdas, which pyproject.toml doesn't have"),
        ("[application.code.rotation]", "[application.code.turn]", 12, "has CodeUri: build/turn/"),
    ],
)
def test_what_the_commit_does_not_have(old: str, new: str, line: int, message: str) -> None:
    """A folder, a group, a function."""
    assert old in TABLE
    wrong = [one for one in found(table=TABLE.replace(old, new)) if one[0] == "samconfig.toml"]

    assert [line] == [one[1] for one in wrong]
    assert message in wrong[0][2]


@pytest.mark.parametrize("lock", ["", "[[package]]\n", "not TOML", LOCK.replace("rota-tion = []\n", "")])
def test_a_group_that_the_lock_lacks(lock: str) -> None:
    """pyproject.toml has it, and nobody locked it: no bundle could be built of it."""
    assert ("samconfig.toml", 14) in [one[:2] for one in found(lock=lock)]
    assert any("uv.lock doesn't have" in one[2] for one in found(lock=lock))


def test_a_bundle_of_what_does_not_fit_is_not_built(tmp_path: Path) -> None:
    """The first misfit is the error, with its line, before anything is fetched."""
    (tmp_path / "samconfig.toml").write_text(TABLE)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("build/rotation", "build/turn"))

    with pytest.raises(
        ConfigurationError, match=r"^template.yaml:4: the code of Two is build/turn; .*code.turn"
    ):
        bundle._read(tmp_path)
