"""What a waiver of one fact leaves open: whatever else the rule finds on the same resource, or in the same file."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.text import label
from pipeline.gate import rules
from pipeline.gate.engines import own
from pipeline.gate.findings import Finding
from pipeline.iam.statements import Statement
from pipeline.source import violations
from pipeline.source.functions import Route
from pipeline.source.project import Project
from pipeline.source.workflows import WorkflowStep
from tests.pipeline.applications import TABLE

RULES = {rule.id: rule for rule in rules.load(Path(__file__).parents[2] / "policies")}
SETTINGS = """\
version = 0.1
[dev.global.parameters]
stack_name = "shop-dev"
region = "eu-west-1"
[dev.deploy.parameters]
parameter_overrides = ["Environment=dev"]
[dev.pipeline.parameters]
account = "111111111111"
"""
FUNCTION = """\
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: orders
      Role: arn:aws:iam::111111111111:role/x
      Code: { S3Bucket: b, S3Key: k }
"""
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
ROLE = """\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: own
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
"""
BUCKET_POLICY = """\
Resources:
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: PRINCIPAL, Action: ACTION, Resource: "arn:aws:s3:::x/public/*" }
  Bucket: { Type: AWS::S3::Bucket }
"""
JOB = """\
on: push
jobs:
  build:
    runs-on: ubuntu-24.04
    steps:
"""
WORKFLOW = ".github/workflows/x.yml"


def _policy(actions: str, resource: str = '"*"') -> str:
    return f"{ROLE}              - {{ Effect: Allow, Action: {actions}, Resource: {resource} }}\n"


def _grant(principal: str, action: str) -> str:
    return BUCKET_POLICY.replace("PRINCIPAL", principal).replace("ACTION", action)


def _locked(*names: str) -> str:
    registry = 'source = { registry = "https://packages.example.com" }'
    return "".join(f'name = "{name}"\n{registry}\n' for name in names)


def _script(*rows: str) -> str:
    return "\n".join([f"{JOB}      - name: a", "        run: |", *(f"          {row}" for row in rows), ""])


def _block(*rows: str) -> str:
    return _script("{", *rows, '} >> "$GITHUB_ENV"')


# The rule, the file, the file with the one fault that is waived, and the file when another has come beside it.
CASES = [
    ("wildcard_action", "template.yaml", _policy('["s3:*"]'), _policy('["s3:*", "iam:*"]')),
    (
        "wildcard_resource",
        "template.yaml",
        _policy('["s3:GetObject"]'),
        _policy('["s3:GetObject", "s3:PutObject"]'),
    ),
    (
        "key_use_tied",
        "template.yaml",
        _policy('["kms:Decrypt"]'),
        _policy('["kms:Decrypt", "kms:GenerateDataKey"]'),
    ),
    (
        "escalation",
        "template.yaml",
        _policy('["iam:CreateUser"]'),
        _policy('["iam:CreateUser", "iam:CreatePolicy"]'),
    ),
    (
        "public_principal",
        "template.yaml",
        _grant('"*"', '["s3:GetObject"]'),
        _grant('"*"', '["s3:PutObject"]'),
    ),
    (
        "foreign_principal",
        "template.yaml",
        _grant('{ AWS: "999999999999" }', '["s3:GetObject"]'),
        _grant('{ AWS: "999999999999" }', '["s3:GetObject", "s3:PutObject"]'),
    ),
    (
        "service_principal_tied",
        "template.yaml",
        _grant('{ Service: ["s3.amazonaws.com"] }', '["s3:PutObject"]'),
        _grant('{ Service: ["s3.amazonaws.com", "sns.amazonaws.com"] }', '["s3:PutObject"]'),
    ),
    (
        "runtime",
        "template.yaml",
        f"{FUNCTION}      Runtime: python3.9\n",
        f"{FUNCTION}      Runtime: python3.9\n      Environment: {{ Variables: {{ {WRAPPER}: /opt/x }} }}\n",
    ),
    (
        "encrypted_settings",
        "template.yaml",
        f"{FUNCTION}      Environment: {{ Variables: {{ A: b }} }}\n",
        f"{FUNCTION}      Environment: {{ Variables: {{ A: b }} }}\n      RecursiveLoop: Allow\n",
    ),
    (
        "secret_in_environment",
        "template.yaml",
        f"{FUNCTION}      Environment: {{ Variables: {{ A_TOKEN: abcdefgh }} }}\n",
        f"{FUNCTION}      Environment: {{ Variables: {{ A_TOKEN: abcdefgh, B_TOKEN: abcdefgh }} }}\n",
    ),
    (
        "settings_kept",
        "pyproject.toml",
        "[[tool.mypy.overrides]]\nmodule = ['app.x']\nignore_errors = true\n[tool.mypy]\nstrict = true\n",
        "[[tool.mypy.overrides]]\nmodule = ['app.x', 'app.y']\nignore_errors = true\n[tool.mypy]\nstrict = true\n",
    ),
    ("settings_kept", "uv.lock", _locked("a"), _locked("a", "b")),
    (
        "commands_kept",
        "Makefile",
        "lint:\n\truff check . || true\n",
        "lint:\n\truff check . || true\n\tmypy . || true\n",
    ),
    (
        "role_chaining",
        WORKFLOW,
        f"{JOB}      - name: a\n        run: aws sts assume-role --role-arn x\n",
        f"{JOB}      - name: a\n        run: aws sts assume-role --role-arn x; aws configure set a b\n",
    ),
    (
        "secret_in_workflow",
        WORKFLOW,
        f"{JOB}      - name: a\n        run: echo ${{{{ secrets.ONE }}}}\n",
        f"{JOB}      - name: a\n        run: echo ${{{{ secrets.ONE }}}} ${{{{ secrets.TWO }}}}\n",
    ),
    (
        "check_can_fail",
        WORKFLOW,
        _script("set +e", "bin/pipeline lint"),
        _script("set +e", "bin/pipeline lint", "set +o errexit"),
    ),
    (
        "environment_files",
        WORKFLOW,
        _block('echo "A=$A"'),
        _block('echo "A=$A"', 'echo "B=$B"'),
    ),
    (
        "secret_in_code",
        "app/x.py",
        "import logging\nlogging.info(password)\n",
        "import logging\nlogging.info(password, api_key)\n",
    ),
    (
        "own_commit",
        WORKFLOW,
        f"{JOB}      - {{ uses: actions/checkout@v6, with: {{ ref: main }} }}\n",
        f"{JOB}      - {{ uses: actions/checkout@v6, with: {{ ref: other }} }}\n",
    ),
]


def _facts(rule: str, file: str, text: str) -> set[tuple[str, str]]:
    files = {
        "samconfig.toml": SETTINGS + TABLE,
        "template.yaml": "Resources:\n  T: { Type: AWS::SNS::Topic }\n",
        file: text,
    }
    project = Project(Path(), {name: content.encode() for name, content in files.items()})

    assert project.problems == ()
    return {(one.subject, one.fact) for one in own.apply(RULES[rule], project)}


@pytest.mark.parametrize(("rule", "file", "before", "after"), CASES, ids=lambda value: str(value)[:24])
def test_a_waived_fact_hides_no_other(rule: str, file: str, before: str, after: str) -> None:
    """What comes beside a fault that is waived, or in its place, is a fact that no waiver names."""
    waived = _facts(rule, file, before)

    assert waived
    assert _facts(rule, file, after) - waived


MAKERS: list[Callable[..., Any]] = [
    violations.Violation,
    violations.at,
    violations.at_template,
    violations.at_setting,
    violations.at_parameter,
    violations.at_document,
    Statement.violation,
    Finding,
]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda one: one.__qualname__)
def test_a_fact_can_not_be_left_out(maker: Callable[..., Any]) -> None:
    """By name alone, with no default: neither a type checker nor Python lets a rule forget it."""
    fact = inspect.signature(maker).parameters["fact"]

    assert (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty) == (fact.kind, fact.default)


def test_a_route_is_its_own_fact() -> None:
    """No rule on routes says it, so none says it otherwise."""
    assert "fact" not in inspect.signature(Route.violation).parameters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  POST   /hook\n", "POST /hook"),
        ("", '""'),
        ("a\u202eb", "a\\u202eb"),
        ("x" * 120, "x" * 120),
    ],
)
def test_a_fact_is_a_short_line(text: str, expected: str) -> None:
    """On one line, seen whole, never empty: it can be copied into a waiver."""
    assert expected == label(text)


def test_long_facts_of_one_beginning_differ() -> None:
    """What is cut off is in the digest; a name of a name is the same."""
    one, other = label("x" * 500), label("x" * 501)

    assert one != other
    assert max(map(len, (one, other))) <= 120
    assert one == label(one)


def test_a_step_is_named_without_what_changes() -> None:
    """By its job and name, or what it uses or runs: not by its number, nor by a commit."""
    steps = [
        WorkflowStep({"name": "Say", "uses": "a/b@1"}, ("jobs", "x", "steps", 3), None),  # type: ignore[arg-type]
        WorkflowStep({"uses": "a/b@0123"}, ("runs", "steps", 0), None),  # type: ignore[arg-type]
        WorkflowStep({"run": "one\ntwo"}, ("jobs", "x", "steps", 0), None),  # type: ignore[arg-type]
    ]

    assert ["x/Say", "a/b", "x/one"] == [step.path for step in steps]
