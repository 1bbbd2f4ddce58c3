"""Every function of a template is proven after a deployment, by its code and its aliases; none is left out."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import GateError
from pipeline.base.run import CHECKOUT
from pipeline.delivery import deployment, functions, store
from pipeline.plan import sources
from pipeline.release import deploy
from pipeline.source import application
from pipeline.source.values import Hole, Partial
from tests.pipeline.applications import TABLE
from tests.pipeline.applications import application as described
from tests.pipeline.bundles import TEMPLATE, Repository, make
from tests.pipeline.cloud import Cloud, environment

THREE = (
    TEMPLATE
    + """\
  ReportFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: app.zip, Handler: app.report.handler, Runtime: python3.13, AutoPublishAlias: !Ref LogLevel}
  MailFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: "rotation.zip", Handler: mail.handler, Runtime: python3.13}
  TextFunction:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: "pass", Handler: index.handler, Runtime: python3.13}
"""
)


def put(cloud: Any, tmp_path: Path, commit: str, template: str = THREE) -> deployment.Deployment:
    made = make(tmp_path / "made", commit, template=template.encode())
    store.put(cloud, "dev-artifacts", made)
    under_way = deployment.begin(cloud, environment(), made, "ada")
    deploy.deploy(under_way)
    return under_way


@pytest.fixture
def several(cloud: Cloud) -> Cloud:
    """An account in which the change set made all of them."""
    cloud.functions |= {"ReportFunction": "app.zip", "MailFunction": "rotation.zip"}
    return cloud


def test_a_bundles_template_says_which_code_each_function_runs(tmp_path: Path) -> None:
    """By its own CodeUri, with its aliases resolved; a text in the template is no code of the bundle."""
    files = {"app.zip": "a" * 64, "rotation.zip": "b" * 64}
    template = sources.bundled("dev", THREE, files, {"LogLevel": "INFO"}, CHECKOUT)
    found = {one.id: (one.code[:1], one.aliases) for one in functions.of(template)}

    assert {
        "AppFunction": ("a", ("live",)),
        "ReportFunction": ("a", ("INFO",)),
        "MailFunction": ("b", ()),
        "TextFunction": ("", ()),
    } == found


def test_every_function_is_proven(
    several: Cloud, repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second one of the same code, and a third of another, are said to run it, as the first is."""
    put(several, tmp_path, repository.first)
    said = capsys.readouterr().out

    assert ["AppFunction:live", "MailFunction", "ReportFunction:INFO"] == sorted(
        row.split()[0] for row in said.splitlines() if "runs the bundle's code" in row
    )


@pytest.mark.parametrize("name", ["AppFunction", "ReportFunction", "MailFunction"])
def test_other_code_of_any_function_fails_the_deployment(
    several: Cloud, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whichever it is, the message names it."""
    honest = several.get_function

    def get_function(**given: str) -> dict[str, Any]:
        answer = honest(**given)
        if given["FunctionName"].endswith(name):
            answer["Configuration"]["CodeSha256"] = "b3RoZXI="
        return answer

    monkeypatch.setattr(several, "get_function", get_function)
    with pytest.raises(GateError, match=rf"{name}(:\w+)? runs code with the SHA-256 b3RoZXI="):
        put(several, tmp_path, repository.first)


def test_a_function_that_was_not_made_fails_the_deployment(
    cloud: Cloud, repository: Repository, tmp_path: Path
) -> None:
    """The stack has the first one alone."""
    with pytest.raises(GateError, match=r"The stack has no function (Report|Mail)Function"):
        put(cloud, tmp_path, repository.first)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"),
        (7, "7"),
        (True, "true"),
        (None, None),
        (["x"], None),
        (Partial("a-", Hole("Host", kind="parameter")), "a-db"),
        (Partial("a-", Hole("Port", kind="parameter")), None),
        (Partial(Hole("Queue")), None),
        (Partial(Hole("Queue", "Arn")), None),
    ],
)
def test_a_value_is_told_where_it_can_be(value: Any, expected: str | None) -> None:
    """What CloudFormation resolved of SSM is known; what a resource is called, AWS alone knows."""
    assert expected == functions.told(value, {"Host": "db"})


@pytest.mark.outside
def test_a_commits_own_application_is_asked(tmp_path: Path) -> None:
    """An earlier commit answers at its own routes; one from before the table, or of no clone, at today's."""
    repository = Repository(tmp_path / "clone")
    (before,) = (repository.commit("before", {"samconfig.toml": "version = 0.1\n"}),)
    other = repository.commit("other", {"samconfig.toml": TABLE.replace('"/ready"', '"/up"')})
    broken = repository.commit("broken", {"samconfig.toml": "version = "})
    today = described()

    assert ("/health", "/up") == application.of(other, repository.folder, today).health
    for commit in (before, broken, repository.first, "f" * 40):
        assert today == application.of(commit, repository.folder, today)
