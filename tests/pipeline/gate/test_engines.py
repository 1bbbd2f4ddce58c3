"""The real tools, once each: what they find, where they say it is, and what happens when one is not well."""

from collections.abc import Callable

import pytest

from pipeline.errors import ToolError
from pipeline.gate import check
from pipeline.gate.engines import (
    actionlint,
    cfn_lint,
    checkov,
    gitleaks,
    hygiene,
    own,
    ruff,
    zizmor,
)
from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.project import Project
from pipeline.gate.rules import Rule, load
from pipeline.run import CHECKOUT, Completed

pytestmark = pytest.mark.slow  # the tools themselves; lint and policy run them too
type Make = Callable[..., Project]

FAULTS = {
    "template.yaml": """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Environment:
    Type: String
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Metadata:
      cfn-lint: { config: { ignore_checks: [E3002] } }
    Properties:
      BucketNam: x
      Tags: [{ Key: Environment, Value: !Ref Environment }]
""",
    ".github/workflows/x.yml": """\
name: x
on: push
permissions: {}
jobs:
  x:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.head_commit.message }}
      - run: echo ${{ steps.gone.outputs.x }}
""",
    "app/x.py": """\
import os
import subprocess
import hashlib

subprocess.run("ls",   shell=True)
""",
    "keys.txt": f"aws = '{'AKIA'}Q3EGRIWEXAMPLE77'  # gitleaks:allow\n",
    "notes.txt": "no end of line  \nlast",
    ".checkov.yaml": "skip-check: [CKV_AWS_21]\n",
    ".cfnlintrc": "ignore_checks: [E3002]\n",
    ".gitleaks.toml": "[allowlist]\npaths = ['.*']\n",
    ".github/zizmor.yml": "rules: {unpinned-uses: {disable: true}}\n",
    "pyproject.toml": "[tool.ruff.lint]\nselect = ['S', 'I']\n",
}
EXPECTED = [
    (cfn_lint.ENGINE, "E3002", "template.yaml", 11),
    (checkov.ENGINE, "CKV_AWS_21", "template.yaml", 6),
    (zizmor.ENGINE, "zizmor/unpinned-uses", ".github/workflows/x.yml", 8),
    (actionlint.ENGINE, "actionlint/expression", ".github/workflows/x.yml", 10),
    (gitleaks.ENGINE, "gitleaks/aws-account-root-key", "keys.txt", 1),
    (ruff.ENGINE, "ruff/S602", "app/x.py", 5),
    (ruff.ENGINE, "ruff/format", "app/x.py", 5),
    (hygiene.ENGINE, "hygiene/trailing-whitespace-fixer", "notes.txt", 1),
    (hygiene.ENGINE, "hygiene/end-of-file-fixer", "notes.txt", 1),
]


@pytest.mark.parametrize(
    ("engine", "rule", "file", "line"), EXPECTED, ids=lambda one: getattr(one, "name", str(one))
)
def test_tool_finds_its_fault_despite_settings_that_hide_it(
    make_project: Make,
    tmp_path_factory: pytest.TempPathFactory,
    engine: Engine,
    rule: str,
    file: str,
    line: int,
) -> None:
    """Each tool tells its fault at the source's line, though comments, metadata and files try to hide it."""
    context = Context(make_project(**FAULTS), tmp_path_factory.mktemp("scratch"))
    found = {(one.rule, one.file, one.line) for one in engine.run(context)}

    assert (rule, file, line) in found


def test_code_that_no_python_reads_is_told_once(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """At its line, as a finding; the other files' format is judged all the same."""
    files = {"app/x.py": "import os\n\n\ndef name()\n    return os.name\n", "app/y.py": "ONE = 1\nTWO =  2\n"}
    context = Context(make_project(**files), tmp_path_factory.mktemp("scratch"))

    assert [
        ("ruff/invalid-syntax", "high", "app/x.py", 4),
        ("ruff/format", "low", "app/y.py", 2),
    ] == [(one.rule, one.severity, one.file, one.line) for one in ruff.ENGINE.run(context)]


@pytest.mark.parametrize("engine", [checkov.ENGINE, cfn_lint.ENGINE, zizmor.ENGINE, actionlint.ENGINE])
@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Completed(0, "no JSON", ""), "not JSON"),
        (Completed(77, "[]", "Traceback: boom"), "status 77: Traceback: boom"),
        (ToolError("x is not installed", "Run: make install"), "not installed"),
        (ToolError("x did not end within 300 seconds"), "did not end"),
    ],
)
def test_tool_that_is_not_well_gives_no_verdict(
    make_project: Make,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    engine: Engine,
    ended: Completed | ToolError,
    message: str,
) -> None:
    """Missing, out of time, crashed or babbling: an error that says so, never an empty list."""

    def run(*_: object, **__: object) -> Completed:
        if isinstance(ended, ToolError):
            raise ended
        return ended

    monkeypatch.setattr("pipeline.run.run", run)
    context = Context(make_project(**FAULTS), tmp_path_factory.mktemp("scratch"))

    with pytest.raises(EngineError, match=message):
        list(engine.run(context))


def test_checkov_that_can_not_parse_gives_no_verdict(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """checkov ends with status 0 on a template that it can't parse: that is no pass."""
    text = (
        '{"results": {"parsing_errors": ["/a.json"], "failed_checks": []}, "summary": {"resource_count": 1}}'
    )
    monkeypatch.setattr("pipeline.run.run", lambda *_, **__: Completed(0, text, ""))
    context = Context(make_project(), tmp_path_factory.mktemp("scratch"))

    with pytest.raises(EngineError, match=r"can't parse /a\.json"):
        list(checkov.ENGINE.run(context))


def test_rule_that_raises_gives_no_verdict(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that raises is named with its line, and the findings of the others are kept."""

    def bad(project: Project) -> list[None]:
        raise ValueError("boom")

    rules = load(CHECKOUT / "policies")
    broken = Rule(**{**vars(rules[0]), "id": "broken", "check": bad})
    monkeypatch.setattr(own, "load", lambda _: (broken, *rules))
    context = Context(make_project(), tmp_path_factory.mktemp("scratch"))
    findings = own.ENGINE.run(context)

    assert any(finding.rule == "wildcard_action" for finding in findings)
    with pytest.raises(EngineError, match=r"broken \(.*test_engines\.py:\d+: ValueError: boom\)"):
        list(findings)


def test_tests_of_a_folder_are_its_own(make_project: Make) -> None:
    """`pipeline test` runs the judged folder's tests, and tells the line of what failed."""
    project = make_project(**{"tests/test_x.py": "def test_x() -> None:\n    one = 1\n    assert one == 2\n"})
    report = check.judge(project.root, ("test",))

    assert [("test/failed", "tests/test_x.py", 3)] == [
        (one.rule, one.file, one.line) for one in report.findings
    ]


def test_folder_without_tests_is_no_pass(make_project: Make) -> None:
    """No test is not a green test."""
    report = check.judge(make_project().root, ("test",))

    assert report.status == 2
    assert "no test" in report.findings[0].message


def test_variables_do_not_reach_the_tools(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow's env can't hand the tools options: PYTEST_ADDOPTS would deselect what fails."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--deselect tests/test_x.py")
    project = make_project(**{"tests/test_x.py": "def test_x() -> None:\n    assert False\n"})

    assert check.judge(project.root, ("test",)).status == 1


def test_judging_changes_nothing(make_project: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The judged folder is the same afterwards: fixers work on a copy."""
    project = make_project(**FAULTS)
    context = Context(project, tmp_path_factory.mktemp("scratch"))

    assert list(hygiene.ENGINE.run(context))
    assert project.files == Project.load(project.root).files


def test_what_the_transform_used_up_is_not_told_unused(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A parameter that SAM itself resolves is left in the expanded template: W2001 there would be false."""
    template = """\
Transform: AWS::Serverless-2016-10-31
Parameters: { Name: { Type: String, Default: live } }
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://bucket/key
      Handler: app.handler
      Runtime: python3.13
      AutoPublishAlias: !Ref Name
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayNam: x }
"""
    context = Context(make_project(**{"template.yaml": template}), tmp_path_factory.mktemp("scratch"))
    told = list(cfn_lint.ENGINE.run(context))

    assert {"E3002"} == {one.rule for one in told} & {"E3002", "W2001", "W8001", "W3005"}
