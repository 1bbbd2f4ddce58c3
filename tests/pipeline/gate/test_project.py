"""The judged repository: its environments, its stacks, and what can't be judged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.run import run
from pipeline.gate.engines.base import Context
from pipeline.source.project import Project

pytestmark = pytest.mark.outside

type Make = Callable[..., Project]


def test_stack_per_environment(make_project: Make) -> None:
    """Each environment has its own stack: conditions and values are those of its settings."""
    dev, prod = make_project().application

    assert dev.resources["Function"].get("MemorySize") == 512
    assert prod.resources["Function"].get("MemorySize") == 1024
    assert "Extra" not in dev.resources
    assert prod.resources["Extra"].get("TopicName") == "esclusa-prod-extra"


@pytest.mark.parametrize(
    ("resource", "place", "line"),
    [
        ("Function", (), 14),
        ("Function", ("Runtime",), 11),  # from Globals
        ("Function", ("MemorySize",), 19),
        ("Function", ("Gone",), 14),
        ("FunctionRole", ("Policies", 0, "PolicyDocument", "Statement", 0, "Action"), 24),
        ("FunctionGetPermissionProd", (), 14),
    ],
)
def test_line_of_an_expanded_property(
    make_project: Make, resource: str, place: tuple[str | int, ...], line: int
) -> None:
    """What the transform makes is found at the line that a developer wrote."""
    assert line == make_project().application[0].resources[resource].line(*place)


def test_a_linked_work_tree_is_judged_as_a_clone(make_project: Make, tmp_path: Path) -> None:
    """There and in a submodule .git is a file: no tool is shown it, and none is kept from its copy by it."""
    project = make_project(
        **{".git": "gitdir: /elsewhere\n", "docs/.git": "gitdir: ../x\n", ".gitattributes": ""}
    )
    (tmp_path / "scratch").mkdir()
    context = Context(project, tmp_path / "scratch")

    assert {".gitattributes", "samconfig.toml", "template.yaml"} == set(project.files)
    assert (context.tree / ".git").is_dir()


def test_overrides_in_both_forms(make_project: Make) -> None:
    """sam takes a list of overrides, or one text with quotes; both are read."""
    dev, prod = make_project().environments

    assert dev.parameters == {"Environment": "dev", "Size": "small"}
    assert prod.parameters == {"Environment": "prod", "Size": "big"}


def test_ssm_parameters_stay_unknown(make_project: Make) -> None:
    """A value that AWS reads at deploy time is a hole, whatever its name says."""
    template = (
        "Parameters:\n  Host: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /a}\n"
        "Resources:\n  Topic: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Ref Host}}\n"
    )
    stack = make_project(**{"template.yaml": template}).application[0]

    assert stack.resources["Topic"].get("TopicName") == "${Host}"


@pytest.mark.parametrize(
    ("file", "text", "line", "message"),
    [
        ("template.yaml", "Resources: [\n", 2, "not valid YAML"),
        ("template.yaml", "Resources: {}\n", 1, "no Resources"),
        ("template.yaml", "Resources:\n  A:\n    Type: [x]\n", 2, "no Type"),
        ("template.yaml", "Resources:\n  A: {Type: x, Properties: []}\n", 2, "not a mapping"),
        ("template.yaml", "- a\n", 1, "not a mapping"),
        ("samconfig.toml", "version = 0.1\n", 1, "defines no environment"),
        ("samconfig.toml", "a = [\n", 1, "not valid TOML"),
        (".github/workflows/x.yml", "a: b: c\n", 1, "not valid YAML"),
        (
            "template.yaml",
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n",
            3,
            "is invalid",
        ),
    ],
)
def test_what_can_not_be_judged_is_told(
    make_project: Make, file: str, text: str, line: int, message: str
) -> None:
    """A file that can't be read or expanded is a problem with its line, never silence."""
    problems = make_project(**{file: text}).problems

    assert {(file, line)} == {(one.file, one.line) for one in problems}
    assert message in problems[0].message


def test_missing_files_are_told(tmp_path: Path) -> None:
    """A folder without template and settings is no clean one."""
    assert [one.file for one in Project.load(tmp_path).problems] == ["template.yaml", "samconfig.toml"]


def test_what_a_tool_left_may_lead_nowhere(tmp_path: Path) -> None:
    """The sandbox's link, when its folder in memory went with a restart, is no link of the repository's, as it was none
    before; one that is committed is told of, and so is any other."""
    (tmp_path / "gone").mkdir()
    for name in (".sandbox", "other"):
        (tmp_path / name).symlink_to(tmp_path / "gone")
    run(["git", "init", "--quiet", tmp_path])
    before = Project.load(tmp_path)
    (tmp_path / "gone").rmdir()
    after = Project.load(tmp_path)
    run(["git", "add", "--all"], cwd=tmp_path)

    assert ["other"] == list(before.links) == list(after.links)
    assert [(), (".sandbox",)] == [after.index.leftovers, Project.load(tmp_path).index.leftovers]


def test_leftovers_are_not_judged(make_project: Make) -> None:
    """Environments and builds at the top are left out; folders of the same name deeper down are not."""
    files = make_project(
        **{".venv/x.py": "", "build/y.py": "", "app/build/z.py": "", "a/__pycache__/b.py": ""},
        **{".git": "gitdir: /elsewhere/.git/worktrees/one\n"},  # a linked work tree
    ).files

    assert set(files) == {"template.yaml", "samconfig.toml", "app/build/z.py"}


IMPLICIT = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: s3://bucket/key }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://bucket/key
      Handler: app.handler
      Runtime: python3.13
      Events:
        Night: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
        Get:
          Type: Api
          Properties: { Path: /, Method: GET }
        Post:
          Type: HttpApi
          Properties: { Path: /, Method: POST }
"""


@pytest.mark.parametrize(
    ("resource", "source", "line"),
    [
        ("ServerlessRestApi", "ServerlessRestApi", 14),
        ("ServerlessRestApiProdStage", "ServerlessRestApi", 14),
        ("ServerlessHttpApi", "ServerlessHttpApi", 17),
        ("ServerlessHttpApiApiGatewayDefaultStage", "ServerlessHttpApi", 17),
    ],
)
def test_api_that_the_events_make_stands_for_itself(
    make_project: Make, resource: str, source: str, line: int
) -> None:
    """It is called as SAM calls it, and stands at its first event: no layer or function is blamed."""
    made = make_project(**{"template.yaml": IMPLICIT}).application[0].resources[resource]

    assert (source, line) == (made.source, made.line("AccessLogSetting"))
