"""The real tools, once each: what they find, where they say it is, and what happens when one is not well."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.errors import ToolError
from pipeline.base.run import CHECKOUT, Completed
from pipeline.gate import check
from pipeline.gate.engines import (
    actionlint,
    cfn_lint,
    checkov,
    gitleaks,
    hygiene,
    mypy,
    own,
    ruff,
    zizmor,
)
from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.engines.programs import call
from pipeline.gate.parts import WHOLE, Scope
from pipeline.gate.rules import Rule, load
from pipeline.source.project import Project
from tests.pipeline.applications import TABLE
from tests.pipeline.gate.conftest import SETTINGS

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
    ".github/zizmor.yml": "rules: {template-injection: {disable: true}}\n",
    "pyproject.toml": "[tool.ruff.lint]\nselect = ['S', 'I']\n",
}
EXPECTED = [
    (cfn_lint.ENGINE, "E3002", "template.yaml", 11),
    (checkov.ENGINE, "CKV_AWS_21", "template.yaml", 6),
    (zizmor.ENGINE, "zizmor/template-injection", ".github/workflows/x.yml", 9),
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


MORE = {
    "samconfig.toml": SETTINGS + TABLE,  # mypy judges the folders that the application names
    "template.yaml": f"{FAULTS['template.yaml']}      AccessControl: PublicRead\n",
    ".github/workflows/x.yml": FAULTS[".github/workflows/x.yml"]
    + "      - run: echo ${{ github.head_ref }} ${{ github.event.issue.title }}\n",
    "app/x.py": f"{FAULTS['app/x.py']}value: int = eval('1')\nother: str = 1\n",
}
ENGINES = [
    *(cfn_lint.ENGINE, checkov.ENGINE, zizmor.ENGINE, actionlint.ENGINE),
    *(gitleaks.ENGINE, ruff.ENGINE, mypy.ENGINE, hygiene.ENGINE),
]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.name)
def test_facts_of_a_tool_stay_while_lines_move_and_tell_findings_apart(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory, engine: Engine
) -> None:
    """A waiver of a tool's finding holds when something is written above of it, and covers no other one."""
    files = FAULTS | MORE
    moved = {name: f"# moved\n# again\n{text}" for name, text in files.items()}
    before, after = (
        list(engine.run(Context(make_project(**given), tmp_path_factory.mktemp("scratch"))))
        for given in (files, moved)
    )
    facts = {(one.rule, one.subject, one.fact, one.environment): one.message for one in before}

    assert before
    assert facts.keys() == {(one.rule, one.subject, one.fact, one.environment) for one in after}
    assert not [one for one in before if one.fact == '""']
    assert all(facts[one.rule, one.subject, one.fact, one.environment] == one.message for one in before)


def test_types_are_held_where_the_change_is(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A change of the application alone asks mypy about its files; with what they import taken as it is."""
    files = {
        "samconfig.toml": SETTINGS + TABLE,
        "app/__init__.py": "",
        "app/wsgi.py": "def answer():\n    return 1\n",  # the platform's
        "app/orders.py": "from app.wsgi import answer\n\nvalue: int = ''\nother: str = answer()\n",
        "tests/application/test_orders.py": "import app.orders\n\nseen: str = app.orders.value\n",
        "tests/app/test_wsgi.py": "wrong: int = ''\n",
    }
    project = make_project(**files)

    def found(scope: Scope) -> tuple[set[str], str]:
        context = Context(project, tmp_path_factory.mktemp("scratch"), scope)
        return {f"{one.file}:{one.line}" for one in mypy.found(context)}, mypy.ENGINE.scope(context)

    own = {"app/orders.py:3", "app/orders.py:4", "tests/application/test_orders.py:3"}
    assert (own, "the application's code alone") == found(Scope(engine=False, why=""))
    assert (own | {"app/wsgi.py:1", "tests/app/test_wsgi.py:1"}, "") == found(WHOLE)


def test_a_file_that_can_not_be_read_is_told(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With its line, and that no type was judged: mypy has another status for that, and still it is a finding."""
    files = {"app/orders.py": "\n\ndef f(:\n", "app/others.py": "value: int = ''\n"}
    context = Context(
        make_project(**{"samconfig.toml": SETTINGS + TABLE, **files}), tmp_path_factory.mktemp("scratch")
    )
    first, *_ = told = list(mypy.found(context))

    assert ("app/orders.py", 3, "def f(:") == (first.file, first.line, first.fact)
    assert {("mypy/syntax", "app/orders.py")} == {(one.rule, one.file) for one in told}
    assert "no type is judged" in first.remediation


def test_another_secret_in_its_place_is_another_fact(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A waiver of an example's key is none of the real one that takes its place, and tells nothing of either."""
    facts = []
    for letter in "Qz":
        key = f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{(letter + 'k3J9xW') * 20}\n-----END RSA PRIVATE {'KEY'}-----\n"
        context = Context(make_project(**{"example.txt": key}), tmp_path_factory.mktemp("scratch"))
        facts.append({one.fact for one in gitleaks.ENGINE.run(context)})

    assert all(facts)
    assert facts[0].isdisjoint(facts[1])
    assert not any("k3J9xW" in fact for found in facts for fact in found)


INJECTED = """\
name: x
on: {event}
permissions: {{}}
concurrency: {{ group: x, cancel-in-progress: false }}
jobs:
  x:
    name: x
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - {step}
"""


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ('run: echo "${{ github.event.pull_request.title }}"', True),
        ('run: echo "${{ github.head_ref }}"', True),
        ('run: echo "${{ github.ref_name }}"', True),
        ('run: echo "${{ github.event.pull_request.body }}"', True),
        ("run: echo \"${{ format('{0}', github.event.label.name) }}\"", True),
        ("run: echo \"${{ startsWith(github.ref, 'refs/tags/v') }}\"", False),
        ('run: echo "${{ github.sha }}"', False),
        ('run: echo "${{ github.event.pull_request.number }}"', False),
        ('{ run: echo "$TITLE", env: { TITLE: "${{ github.event.pull_request.title }}" } }', False),
    ],
)
def test_text_that_a_stranger_writes_into_a_script(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory, step: str, expected: bool
) -> None:
    """What a pull request chooses becomes no part of a script; what nobody chooses, or a variable, may."""
    files = {".github/workflows/x.yml": INJECTED.format(event="pull_request", step=step)}
    found = list(zizmor.ENGINE.run(Context(make_project(**files), tmp_path_factory.mktemp("scratch"))))

    assert expected is any(one.rule == "zizmor/template-injection" for one in found)
    assert expected or not found


def test_an_action_in_another_folder(make_project: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    """zizmor looks into it, so that what is kept of its last verdict depends on it."""
    file = "tools/box/action.yml"
    text = "name: x\ndescription: x\nruns:\n  using: docker\n  image: docker://alpine\n"
    context = Context(make_project(**{file: text}), tmp_path_factory.mktemp("scratch"))

    assert [file] == [one.file for one in zizmor.ENGINE.run(context)]
    assert zizmor.ENGINE.reads(file)


def test_a_strangers_commit_with_the_bases_rights(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """pull_request_target runs with the base's token: with the head checked out it is a stranger's."""
    checkout = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
    step = f'{{ uses: {checkout}, with: {{ ref: "${{{{ github.head_ref }}}}" }} }}'
    files = {".github/workflows/x.yml": INJECTED.format(event="pull_request_target", step=step)}
    project = make_project(**files)
    found = {one.rule for one in zizmor.ENGINE.run(Context(project, tmp_path_factory.mktemp("scratch")))}
    own_commit = next(rule for rule in load(CHECKOUT / "policies") if rule.id == "own_commit")

    assert "zizmor/dangerous-triggers" in found
    assert [".github/workflows/x.yml"] == [one.file for one in own.apply(own_commit, project)]


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


REFUSED = [
    "def f()\n    pass\n",
    "def f(a, a): pass\n",
    "return 1\n",
    "x = await y\n",
    "f() = 1\n",
    "continue\n",
    "def f():\n    nonlocal q\n",
    "def f():\n    x = 1\n    global x\n",
    "x: int\ndef f():\n    global x\n    x: int = 2\n",
    "from __future__ import nothing\n",
    "x = yield 1\n",
    "def f():\n    return [(yield 1) for _ in ()]\n",
    "a, *b, *c = d\n",
    "f(x=1, x=2)\n",
    "match x:\n    case a: pass\n    case b: pass\n",
    "del f()\n",
    "x = 'a\n",
    "if True:\npass\n",
    "\tx = 1\n",
    "try:\n    pass\nexcept:\n    pass\nexcept ValueError:\n    pass\n",
    "print 'x'\n",
    "import a.b as c.d\n",
    "None = 1\n",
    "(a := b) = c\n",
    "def f(*): pass\n",
    "lambda: (yield)\nclass A:\n    return 1\n",
]


def test_ruff_refuses_what_python_refuses(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """CPython's own compiler says which of these are Python: no other tool looks at the syntax of every file.

    One form that was tried is mypy's to tell: a value that an asynchronous generator returns.
    """
    for text in REFUSED:
        with pytest.raises(SyntaxError):
            compile(text, "x.py", "exec")
    files = {f"app/x{number}.py": text for number, text in enumerate(REFUSED)}
    files["pyproject.toml"] = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    context = Context(make_project(**files), tmp_path_factory.mktemp("scratch"))
    found = [one for one in ruff.ENGINE.run(context) if one.severity == "high" or one.rule in _REFUSING]

    assert {f"app/x{number}.py" for number in range(len(REFUSED))} == {one.file for one in found}


# What ruff names by rules of its own, where CPython's compiler speaks of syntax alone.
_REFUSING = {f"ruff/{code}" for code in ("F404", "F407", "F622", "F701", "F702", "F704", "F706", "F707")}
_REFUSING |= {"ruff/PLE0117", "ruff/PLE0118"}


def test_style_is_no_security(make_project: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    """flake8-bandit's codes are S and digits; other families that begin with S are on style.

    Source: https://docs.astral.sh/ruff/rules/
    """
    code = (
        "class Slots(str):\n    pass\n\n\n"
        "def name(one: str) -> str:\n"
        "    if one:\n        two = one._x\n    else:\n        two = eval(one)\n"
        "    return two\n"
    )
    settings = "[tool.ruff]\npreview = true\n[tool.ruff.lint]\nselect = ['S', 'SIM', 'SLF', 'SLOT']\n"
    context = Context(
        make_project(**{"app/x.py": code, "pyproject.toml": settings}), tmp_path_factory.mktemp("scratch")
    )

    assert {
        ("ruff/SLOT000", "low"),
        ("ruff/SIM108", "low"),
        ("ruff/SLF001", "low"),
        ("ruff/S307", "high"),
    } == {(one.rule, one.severity) for one in ruff.ENGINE.run(context)}


@pytest.mark.parametrize("engine", [checkov.ENGINE, cfn_lint.ENGINE, zizmor.ENGINE, actionlint.ENGINE])
@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Completed(0, "no JSON", ""), "not JSON"),
        (Completed(77, "[]", "Traceback: boom"), "status 77: Traceback: boom"),
        (ToolError("x is not installed", "Run: make install"), "not installed"),
        (ToolError("x stood still for 300 seconds"), "stood still"),
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
    """Missing, ended, crashed or babbling: an error that says so, never an empty list."""

    def run(*_: object, **__: object) -> Completed:
        if isinstance(ended, ToolError):
            raise ended
        return ended

    monkeypatch.setattr("pipeline.base.run.run", run)
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
    monkeypatch.setattr("pipeline.base.run.run", lambda *_, **__: Completed(0, text, ""))
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


@pytest.mark.parametrize(
    ("scope", "files"),
    [
        (Scope(engine=False, why=""), ["tests/application/test_x.py"]),
        (WHOLE, ["tests/application/test_x.py", "tests/test_y.py"]),
    ],
)
def test_the_applications_tests_always_run(make_project: Make, scope: Scope, files: list[str]) -> None:
    """The others where they are asked for, and of these every one."""
    fault = "def test_x() -> None:\n    assert False\n"
    project = make_project(**{"tests/application/test_x.py": fault, "tests/test_y.py": fault})
    report = check.judge(project.root, ("test",), scope=scope)

    assert files == [one.file for one in report.findings]


def test_folder_without_tests_is_no_pass(make_project: Make) -> None:
    """No test is not a green test."""
    report = check.judge(make_project().root, ("test",))

    assert report.status == 2
    assert [("pytest", "pytest found no test")] == [(one.name, one.broken) for one in report.silent]
    assert () == report.findings


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
    assert {None, "dev", "prod"} == {one.environment for one in told if one.rule == "E3002"}


def test_templates_of_one_content_are_linted_once(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes seconds: the same expansion in two environments, and what no transform changes."""
    given = []

    def counted(program: str, arguments: list[str], context: Context) -> Completed:
        given.append([Path(one).name for one in arguments[arguments.index("--") + 1 :]])
        return call(program, arguments, context)

    monkeypatch.setattr(cfn_lint, "call", counted)
    topic = "Resources: { Topic: { Type: AWS::SNS::Topic, Properties: { DisplayNam: x } } }\n"
    serverless = f"Transform: AWS::Serverless-2016-10-31\n{topic}"
    names = "dev", "prod"
    for template, expected in (
        (topic, [["template.yaml", "template.yaml"]]),
        (serverless, [["template.yaml", "template.yaml"], ["application-dev.json"]]),
    ):
        given.clear()
        project = make_project(**{"template.yaml": template, "bootstrap/template.yaml": topic})
        told = list(cfn_lint.ENGINE.run(Context(project, tmp_path_factory.mktemp("scratch"))))

        assert expected == given
        assert {("template.yaml", None), ("bootstrap/template.yaml", None)} | {
            ("template.yaml", name) for name in names if template == serverless
        } == {(one.file, one.environment) for one in told if one.rule == "E3002"}
