"""What the gate takes from samconfig.toml's table and from policies/settings.toml, and what it tells of them."""

from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from pipeline.gate.engines import own
from pipeline.gate.rules import load
from pipeline.source.located import Document, Place, parse
from pipeline.source.project import Project
from pipeline.source.settings import FILE, NUMBERS, Settings, loosened
from tests.pipeline.applications import TABLE

RULES = {rule.id: rule for rule in load(CHECKOUT / "policies")}
# An application of its own: what these rules say of this repository's is tried by the gate itself.
_SAMCONFIG = """\
version = 0.1
[dev.global.parameters]
stack_name = "shop-dev"
region = "eu-west-1"
[dev.deploy.parameters]
parameter_overrides = ["RotationDays=30"]
[dev.pipeline.parameters]
account = "111111111111"
promote_from = ""
"""
_TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  RotationDays: { Type: Number }
  LogRetentionDays: { Type: Number, Default: 400 }
  GradualDeployment: { Type: String, Default: "true" }
  AlarmTopicArn: { Type: String, Default: "" }
  CorsOrigins: { Type: String, Default: "" }
  DatabaseTls: { Type: String, Default: verify-full }
  LogLevel: { Type: String, Default: INFO }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: { StageName: live, Auth: { DefaultAuthorizer: AWS_IAM } }
  AppFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${AWS::StackName}-app
      Runtime: python3.13
      CodeUri: build/app/
      Handler: app.aws.handler
      Events:
        Health:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /health, Method: GET, Auth: { Authorizer: NONE } }
        Ready:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /ready, Method: GET, Auth: { Authorizer: NONE } }
        Version:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /version, Method: GET, Auth: { Authorizer: NONE } }
        Ledger:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /ledger, Method: GET, Auth: { Authorizer: NONE } }
        Page:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: "/ledger/{page}", Method: GET, Auth: { Authorizer: NONE } }
        Read:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /api/deployments, Method: GET }
        Write:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /api/deployments, Method: POST }
  RotationFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${AWS::StackName}-rotation
      Runtime: python3.13
      CodeUri: build/rotation/
      Handler: rotation.x.handler
Outputs:
  ApiUrl:
    Value: !Sub https://${Api}.execute-api.${AWS::Region}.amazonaws.com/live
"""
_SETTINGS = """\
open_routes = [
    "GET /ledger",
    "GET /ledger/{page}",
]
[promoted]
at_most = ["RotationDays"]
"""
_GROUPS = """\
[dependency-groups]
lambda = []
rotation = []
"""
_LOCK = """\
[[package]]
name = "shop"
version = "0"
source = { virtual = "." }
[package.metadata.requires-dev]
lambda = []
rotation = []
"""
FILES = {
    name: text.encode()
    for name, text in (
        ("template.yaml", _TEMPLATE),
        ("samconfig.toml", f"{_SAMCONFIG}{TABLE}"),
        ("pyproject.toml", _GROUPS),
        ("uv.lock", _LOCK),
        (FILE, _SETTINGS),
    )
}


def told(rule: str, **changed: tuple[str, str]) -> list[tuple[str, int, str]]:
    """What a rule says of these files, one text in some of them replaced."""
    files = dict(FILES) | {"app/x.py": b"", "rotation/x.py": b""}
    for stem, (old, new) in changed.items():
        name = next(name for name in FILES if stem in name)
        assert old.encode() in files[name]
        files[name] = files[name].replace(old.encode(), new.encode())
    project = Project(Path("/"), files)
    return sorted({(one.file, one.line, one.message) for one in own.apply(RULES[rule], project)})


def line(file: str, text: str) -> int:
    rows = FILES[file].decode().splitlines()
    return next(number for number, row in enumerate(rows, 1) if text in row)


@pytest.mark.parametrize("rule", ["application_described", "open_route", "one_name", "settings_bounded"])
def test_an_application_is_described_as_it_is(rule: str) -> None:
    """These files have nothing to mend."""
    assert [] == told(rule)


def test_a_missing_table_is_told() -> None:
    """Nothing could be bundled without it."""
    ((file, _, message),) = told("application_described", samconfig=("[application", "[other.x"))

    assert "samconfig.toml" == file
    assert "[application] is missing" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"/ready"]', '"/gone"]', "no route of template.yaml answers GET /gone"),
        ('version = "/version"', 'version = "/api/deployments"', "GET /api/deployments asks who calls"),
        ('url = "ApiUrl"', 'url = "Address"', "url names the output Address"),
        (
            'group = "rotation"',
            'group = "rotations"',
            "the group rotations, which pyproject.toml doesn't have",
        ),
        ('folders = ["rotation"]', 'folders = ["src"]', "the folder src, which doesn't exist"),
    ],
)
def test_what_does_not_fit_is_told_at_its_line(old: str, new: str, message: str) -> None:
    """Each value, at its line."""
    found = told("application_described", samconfig=(old, new))

    assert {("samconfig.toml", line("samconfig.toml", old))} == {one[:2] for one in found}
    assert all(message in one[2] for one in found)


def test_a_route_that_security_does_not_let_be_open() -> None:
    """Without its entry the route is a finding; with an entry for a closed one, the entry is."""
    assert ["GET /ledger is open to everybody"] == [
        one[2] for one in told("open_route", settings=('"GET /ledger",', ""))
    ]
    ((file, number, message),) = told(
        "open_route", settings=('"GET /ledger",', '"GET /ledger", "POST /api/deployments",')
    )
    assert (FILE, line(FILE, '"GET /ledger",')) == (file, number)
    assert "POST /api/deployments may be open, and is no open route" == message


@pytest.mark.parametrize(
    "setting", ['["GET /ledger", 7]', "{}", '["get /ledger"]', '["ANY /"]', '["GET ledger"]']
)
def test_settings_that_open_nothing_are_told(setting: str) -> None:
    """Of another type or form: each a finding in the file, and nothing is open by it."""
    text = FILES[FILE].decode()
    whole = text[text.index("open_routes") :]

    assert told("settings_bounded", settings=(whole, f"open_routes = {setting}\n"))
    opened = told("open_route", settings=(whole, f"open_routes = {setting}\n"))
    assert "GET /ledger/{page} is open to everybody" in [one[2] for one in opened]


@pytest.mark.parametrize("setting", sorted(NUMBERS))
def test_a_number_out_of_bounds_is_refused_with_the_bound_and_its_reason(setting: str) -> None:
    """One below, one above: the line, the bounds and where they come from; and it holds as little as none."""
    bounds = NUMBERS[setting]
    for wrong in (bounds.least - 1, bounds.most + 1):
        document, (why, place) = _one_fault(f"{setting} = {wrong}\n")

        assert f"{setting} is {wrong}, and may be {bounds.least} to {bounds.most}: {bounds.why}" == why
        assert 1 == document.line(*place)
        assert bounds.default == Settings(document).number(setting)
    for right in (bounds.least, bounds.most):
        document = parse(f"{setting} = {right}\n", FILE)
        assert ([], right) == (Settings(document).faults, Settings(document).number(setting))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('runtime = ["python3.13"]', "knows no runtime"),
        ("[days]\nlog = 3", "knows no days.log"),
        ("days = 3", "days is not a table: [days]"),
        ("days.logs = true", "days.logs is True, not a whole number"),
        ("days.logs = 30.5", "days.logs is 30.5, not a whole number"),
        ('runtimes = ["python3.9"]', "'python3.9' is not one of python3.11"),
        ('code_folders = ["tools/own"]', "'tools/own' is not a folder at the top"),
        ('code_folders = ["msvcrt"]', "'msvcrt' is not a folder at the top"),
        ('code_folders = ["json"]', "'json' is not a folder at the top"),
        ('promoted.alike = ["Log-Level"]', "'Log-Level' is not a parameter's name"),
        ('promoted.only = ["true"]', "promoted.only is not a table"),
        ("promoted.never.LogLevel = []", "promoted.never.LogLevel is not a list of values"),
        ("promoted.never.LogLevel = [7]", "promoted.never.LogLevel is not a list of values"),
        ('catch_all.open = ["/static"]', "catch_all doesn't say whether / is open or closed"),
        ('catch_all = { open = ["/"], closed = ["/a"] }', "/a is closed within /, which is open"),
        ('catch_all = { open = ["/"], closed = ["/"] }', "/ is open and closed"),
        ('open_routes = ["GET /", "GET /"]', "GET / stands there twice"),
    ],
)
def test_what_cannot_be_taken_is_told(text: str, why: str) -> None:
    """Each with what is wrong; the rest of the file holds."""
    _, (message, _) = _one_fault(f"{text}\n")

    assert why in message


def _one_fault(text: str) -> tuple[Document, tuple[str, Place]]:
    document = parse(text, FILE)
    (fault,) = Settings(document).faults
    return document, fault


def test_a_parameter_that_the_template_lacks_holds_nothing() -> None:
    """A misspelt name would leave prod weaker without a word."""
    ((file, number, message),) = told(
        "settings_bounded", settings=('at_most = ["RotationDays"]', 'at_most = ["RotationDay"]')
    )

    assert (FILE, line(FILE, "at_most")) == (file, number)
    assert (
        "RotationDay is no parameter of template.yaml: the entry of promoted.at_most holds nothing" == message
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("days.logs = 30", "days.logs = 14", [("days.logs", "30", "14")]),
        ("days.logs = 14", "days.logs = 30", []),
        ("days.secret_rotation = 30", "days.secret_rotation = 60", [("days.secret_rotation", "30", "60")]),
        ("days.secret_rotation = 30", "", [("days.secret_rotation", "30", "90")]),
        ("", "limits.requests = 6000", [("limits.requests", "5000", "6000")]),
        ("", "limits.requests = 99999", []),  # out of bounds: it is refused, and the 5000 hold
        ("", 'open_routes = ["GET /a"]', [("open_routes", "nothing", "GET /a")]),
        ('open_routes = ["GET /a"]', "", []),
        ('open_routes = ["GET /a"]', 'open_routes = ["GET /b"]', [("open_routes", "GET /a", "GET /b")]),
        ('runtimes = ["python3.13"]', 'runtimes = ["python3.13", "python3.11"]',
         [("runtimes", "python3.13", "python3.13, python3.11")]),
        ("", 'role_actions = ["sqs:SendMessage"]', [("role_actions", "nothing", "sqs:SendMessage")]),
        ('promoted.at_least = ["A", "B"]', 'promoted.at_least = ["B"]', [("promoted.at_least", "A, B", "B")]),
        ('promoted.at_least = ["B"]', 'promoted.at_least = ["A", "B"]', []),
        ('promoted.only.A = ["x"]', 'promoted.only.A = ["x", "y"]', [("promoted.only.A", "x", "x, y")]),
        ('promoted.only.A = ["x", "y"]', 'promoted.only.A = ["x"]', []),
        ('promoted.never.A = ["", "y"]', 'promoted.never.A = ["y"]', [("promoted.never.A", '"", y', "y")]),
        ('promoted.never.A = ["x"]', "promoted.never = {}", [("promoted.never.A", "x", "not held")]),
        ("mypy_baseline = 5", "mypy_baseline = 6", [("mypy_baseline", "5", "6")]),
    ],
)  # fmt: skip
def test_a_setting_that_lets_more_pass_is_seen(
    before: str, after: str, told: list[tuple[str, str, str]]
) -> None:
    """In either direction that a setting has, also where it falls back to what holds without it."""
    old, new = (Settings(parse(f"{text}\n", FILE)) for text in (before, after))

    assert told == [(one.setting, one.before, one.after) for one in loosened(old, new)]


def test_two_functions_of_one_name() -> None:
    """The later one is told, in each environment."""
    rows = FILES["template.yaml"].decode().splitlines()
    first, *_, last = [row for row in rows if row.startswith("      FunctionName: !Sub")]
    found = told("one_name", template=(last, first))

    assert found
    assert {line("template.yaml", last)} == {one[1] for one in found}


def test_code_folders_are_the_applications() -> None:
    """What ships, and where Python code may lie, follows the table."""
    files = FILES | {
        "samconfig.toml": FILES["samconfig.toml"].replace(
            b'folders = ["app"]', b'folders = ["src/api", "lib"]'
        )
    }
    project = Project(Path("/"), files)

    assert ("src", "lib") == project.roots[:2]
    assert "app" not in project.roots
    assert [True, True, False, False] == [
        project.ships(file) for file in ("src/api/x.py", "lib/y.py", "src/other.py", "app/x.py")
    ]


def test_a_folder_of_code_that_security_names() -> None:
    """It may lie at the top, and its types are held; what it does not name may not."""
    files = {**FILES, "scripts/count.py": b"", "helpers/count.py": b""}
    before = Project(Path("/"), files)
    after = Project(Path("/"), {**files, FILE: b'code_folders = ["scripts"]\n'})

    assert ["helpers", "scripts"] == [one.fact for one in own.apply(RULES["top_level_code"], before)]
    assert ["helpers"] == [one.fact for one in own.apply(RULES["top_level_code"], after)]
    assert {"scripts"} == set(after.roots) - set(before.roots)
