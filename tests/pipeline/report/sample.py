"""A verdict with everything a report can tell: each severity, waivers, hostile texts, a broken engine."""

import datetime as dt
from pathlib import Path

from pipeline.base.text import one_line
from pipeline.gate.findings import Finding, Stage
from pipeline.gate.rules import Rule
from pipeline.gate.verdict import EngineRun, Report
from pipeline.gate.waivers import Waiver
from pipeline.iam.rows import Entry
from pipeline.report.evidence import Evidence
from pipeline.report.sides import compare
from pipeline.source.environments import environments
from pipeline.source.located import parse
from pipeline.source.project import Project
from pipeline.source.settings import Loosened, Setting

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DAY = dt.date(2026, 11, 25)
MADE = dt.datetime(2026, 11, 25, 12, 0, 0, tzinfo=dt.UTC)

# What a hostile pull request would put into a name: each form has something that acts in one of the formats.
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> \"'> | x | `code` @everyone #1 "
    "[click](https://evil.example) ![x](https://evil.example/x.png) www.evil.example\n"
    "::error file=a::planted\r\n::stop-commands::now ##[add-path]/tmp\x1b[31m\x00\x0b]]> \u202egnp.exe 100%"
)

SETTINGS = """
[dev.global.parameters]
stack_name = "shop-dev"
region = "eu-west-1"
[dev.deploy.parameters]
s3_bucket = "shop-dev-artifacts-111111111111"
capabilities = ["CAPABILITY_IAM"]
fail_on_empty_changeset = false
parameter_overrides = ['Environment="dev"', 'LogLevel="INFO"', 'CorsOrigins=""', 'ApiToken="hunter2"', 'Only="dev"']
[dev.pipeline.parameters]
account = "111111111111"

[prod.global.parameters]
stack_name = "shop-prod"
region = "eu-west-1"
[prod.deploy.parameters]
s3_bucket = "shop-prod-artifacts-222222222222"
capabilities = ["CAPABILITY_IAM"]
fail_on_empty_changeset = false
parameter_overrides = ['Environment="prod"', 'LogLevel="DEBUG"', 'CorsOrigins=""', 'ApiToken="hunter3"']
[prod.pipeline.parameters]
account = "222222222222"
"""


def rule(name: str, severity: str, title: str, *controls: str) -> Rule:
    """A rule without a check."""
    return Rule(
        id=name,
        group="secrets",
        title=title,
        severity=severity,
        controls=controls,
        rationale="Whoever may describe a function reads its environment.\nSo does every log.",
        remediation="Give the function the secret's ARN.",
        surface="template.yaml",
        folder=Path("policies/secrets") / name,
        check=lambda project: (),
    )


RULES = (
    rule(
        "secret_in_environment", "critical", "No secret in an environment", "NIST IA-5(7)", "OWASP CICD-SEC-6"
    ),
    rule("secret_rotated", "high", "Secrets rotate", "NIST IA-5", "FSBP SecretsManager.1", "CIS 1.16"),
    rule("logged", "medium", "Access is logged", "NIST AU-2", "FSBP APIGateway.1"),
    rule("wildcard_action", "critical", "No wildcard action", "NIST AC-6", "NIST AC-6(1)", "FSBP IAM.1"),
)
WAIVER = Waiver(
    id="logged:Api:AccessLogSetting",
    rule="logged",
    resource="Api",
    fact="AccessLogSetting",
    reason="The partner's gateway in front of it logs each request already.",
    owner="Ada Ledger",
    approver="Grace Auditor",
    ticket="SHOP-42",
    expires=dt.date(2026, 12, 10),
    environment=None,
    line=3,
)
FINDINGS = (
    Finding(
        rule="secret_in_environment",
        title="No secret in an environment",
        severity="critical",
        tool="pipeline",
        file="template.yaml",
        line=41,
        fact="TOKEN",
        resource="AppFunction",
        environment="prod",
        message="environment variable TOKEN has a name that promises a secret, and a value in plain text",
        remediation="Give the function the secret's ARN.",
        controls=("NIST IA-5(7)", "OWASP CICD-SEC-6"),
    ),
    Finding(
        rule="test/failed",
        title="A test that fails",
        severity="high",
        tool="pytest",
        file=f"tests/{HOSTILE}",
        line=7,
        fact=HOSTILE,
        message=HOSTILE,
        resource=HOSTILE,
        remediation=HOSTILE,
    ),
    Finding(
        rule="CKV_AWS_50",
        title="X-Ray tracing is enabled for Lambda",
        severity="medium",
        tool="checkov",
        file="template.yaml",
        line=38,
        fact="TracingConfig.Mode",
        resource="AppFunction",
        message="X-Ray tracing is enabled for Lambda",
        remediation="https://docs.example.com/tracing",
    ),
    Finding(
        rule="logged",
        title="Access is logged",
        severity="medium",
        tool="pipeline",
        file="template.yaml",
        line=12,
        fact="AccessLogSetting",
        resource="Api",
        message="the stage has no access log",
        remediation="Set AccessLogSetting.",
        controls=("NIST AU-2", "FSBP APIGateway.1"),
        waiver="logged:Api:AccessLogSetting",
    ),
    Finding(
        rule="W3005",
        title="Obsolete DependsOn",
        severity="low",
        tool="cfn-lint",
        file="bootstrap/template.yaml",
        line=0,
        fact="Resources.Signer.DependsOn Key",
        message="'Key' is already implied",
    ),
)
ENGINES = (
    EngineRun("lint", "cfn-lint", ("cfn_lint-1.58.0",), 3.214, kept=True),
    EngineRun("policy", "checkov", ("checkov-3.3.30", "aws_sam_translator-1.115.0"), 5.5),
    EngineRun("policy", "rules", ("aws_sam_translator-1.115.0",), 1.25),
    EngineRun(
        "policy", "zizmor", ("zizmor-1.32.0",), 0.5, broken="zizmor ended with status 3: out of memory"
    ),
    EngineRun("test", "pytest", ("pytest-9.2.0",), 12.0),
)
_DEPLOY = "deploy-dev.yml / deploy (push)"
_RELEASE = "release.yml / deploy (push of a tag)"
TRUST = (
    Entry(_DEPLOY, "repo:acme/shop:environment:dev", "shop-dev-deploy", allowed=True, intended=True),
    Entry(_DEPLOY, "repo:acme/shop:environment:dev", "shop-prod-deploy", allowed=True, intended=False),
    Entry(_RELEASE, "repo:acme/shop:environment:prod", "shop-dev-deploy", allowed=False, intended=False),
    Entry(_RELEASE, "repo:acme/shop:environment:prod", "shop-prod-deploy", allowed=False, intended=True),
)


def evidence(**changes: object) -> Evidence:
    """The evidence of the sample verdict; `changes` replace fields of its report."""
    settings = environments(parse(SETTINGS, "samconfig.toml"))
    fields: dict[str, object] = {
        "commit": COMMIT,
        "stages": (
            Stage("lint", "failed", 3.214),
            Stage("policy", "failed", 5.5),
            Stage("test", "failed", 12.0),
        ),
        "findings": FINDINGS,
        "environments": tuple(one.name for one in settings),
        "tools": (
            "aws_sam_translator-1.115.0",
            "checkov-3.3.30",
            "cfn_lint-1.58.0",
            "pytest-9.2.0",
            "zizmor-1.32.0",
        ),
        "unjudged": True,
        "engines": ENGINES,
        "day": DAY,
        "project": Project(Path(), {}),
        "loosened": (Loosened("days.logs", "14", "7"), Loosened("open_routes", "nothing", HOSTILE)),
    }
    report = Report(**{**fields, **changes}).printable()  # type: ignore[arg-type]
    return Evidence(
        report=report,
        repository="https://github.com/acme/shop",
        made=MADE,
        rules=RULES,
        waivers=(WAIVER,),
        sides=compare(settings, report.findings),
        settings=(Setting("days.logs", "7", "14", "1 to 3653"), Setting(*[one_line(HOSTILE)] * 4)),
        trust=TRUST,
    )
