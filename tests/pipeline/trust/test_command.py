"""`pipeline trust`: what it prints, and how it ends."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import CHECKOUT
from tests.stacks import account, prefix

pytestmark = pytest.mark.outside


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This repository's workflows, templates and settings, to be changed."""
    for name in ("template.yaml", "samconfig.toml", "bootstrap", ".github"):
        source = CHECKOUT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[str]]:
    """The command's exit status, and its lines."""
    status = cli.main(["trust", *options])
    return status, capsys.readouterr().out.splitlines()


def test_a_line_for_each_job(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who it is, as whom it comes, what it can become; the forms of the subject are told of once."""
    status, lines = asked(capsys)

    assert 0 == status
    assert (
        f"release.yml / deploy on push                  environment:prod        can become {prefix('prod')}-deploy"
        in lines
    )
    assert "deploy-dev.yml / attest on push               ref:refs/heads/main     can become nothing" in lines
    assert not any("pull-request" in line for line in lines)  # it can ask for no token
    assert lines[-2].startswith("Each in both forms of the subject: repo:")
    assert "0 not as intended" in lines[-1]


def test_a_job_that_gets_in_where_it_should_not(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said in capitals, and the exit status is 1; so are strangers that get in."""
    change(copy / "bootstrap/template.yaml", "environment:${Environment}", "environment:*")
    change(copy / "bootstrap/template.yaml", "StringEquals:", "StringLike:")
    status, lines = asked(capsys)
    dev = next(line for line in lines if line.startswith("deploy-dev.yml / deploy"))

    assert 1 == status
    assert f"{prefix('prod')}-deploy (NOT INTENDED)" in dev
    assert any("the environment staging" in line and "NOT INTENDED" in line for line in lines)
    assert "0 not" not in lines[-1]


def test_a_job_that_should_get_in_and_does_not(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A deployment that would fail in AWS is told of too."""
    change(copy / "bootstrap/template.yaml", "environment:${Environment}", "environment:${Environment}s")
    status, lines = asked(capsys)
    dev = next(line for line in lines if line.startswith("deploy-dev.yml / deploy"))

    assert 1 == status
    assert dev.endswith(f"can become {prefix('dev')}-deploy (INTENDED, BUT REFUSED)")


def test_forms_that_fare_differently(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a line of its own then, which names it."""
    template = copy / "bootstrap/template.yaml"
    form = "repo:${GitHubOwner}/${GitHubRepository}:environment:${Environment}"
    change(template, form, f"{form}s")
    status, lines = asked(capsys)
    dev = [line for line in lines if line.startswith("deploy-dev.yml / deploy")]

    assert 1 == status
    assert ["INTENDED, BUT REFUSED" in line for line in dev] == [True, False]
    assert dev[0].endswith("(as repo:${GitHubOwner}/${GitHubRepository}:environment:dev)")


def test_a_policy_that_can_not_be_evaluated(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is never taken for one that lets nobody in."""
    change(copy / "bootstrap/template.yaml", "StringEquals:", "StringMatches:")
    status, lines = asked(capsys)

    assert 1 == status
    assert any("CAN'T BE TOLD: UnknownOperatorError: StringMatches" in line for line in lines)


def test_an_environment_of_any_name(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A third environment, called as strangers' ones are in the trials, is nobody's danger."""
    settings = (copy / "samconfig.toml").read_text(encoding="utf-8")
    dev = settings[settings.index("[dev.global") : settings.index("[prod.global")]
    staging = dev.replace("dev", "staging").replace(account("dev"), "333333333333")
    (copy / "samconfig.toml").write_text(settings + staging, encoding="utf-8")
    status, lines = asked(capsys)

    assert 0 == status, lines
    assert f"{prefix('dev').removesuffix('dev')}staging-deploy" not in "".join(lines)  # no workflow enters it


def test_as_json(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell, also those that are refused."""
    status, lines = asked(capsys, "--format", "json")
    found = json.loads("\n".join(lines))["entries"]
    cells = {(one["who"], one["subject"], one["role"]) for one in found}

    assert 0 == status
    assert len(cells) == len(found)
    assert {True, False} == {one["allowed"] for one in found}
    assert not any(one["wrong"] or one["fault"] for one in found)


def test_a_template_that_does_not_parse(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, with file and line: who is trusted can't be told."""
    with (copy / "bootstrap/template.yaml").open("a", encoding="utf-8") as file:
        file.write("  - [\n")
    status = cli.main(["trust"])

    assert 2 == status
    assert "bootstrap/template.yaml:" in capsys.readouterr().err
