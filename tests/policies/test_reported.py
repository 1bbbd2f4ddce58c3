"""What people who deploy by OIDC reported, each with its right value: by the evaluator, and by the rules.

Sources of the right values: GitHub's "OpenID Connect reference" (the subject's forms, case, job_workflow_ref), and
"IAM JSON policy elements: Condition operators" (StringEquals heeds case, StringLike has * and ?); condition keys of
AssumeRoleWithWebIdentity in the Service Authorization Reference (which claims STS knows).
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.gate.engines import own
from pipeline.iam.subjects import Repository, Token
from pipeline.iam.trust_policy import ASSUME, AUDIENCE, PROVIDER, allows
from pipeline.source.project import Project
from tests import rules
from tests.pipeline.applications import TABLE

RULES = {one.id: one for one in rules.RULES}
ARN = f"arn:aws:iam::111111111111:oidc-provider/{PROVIDER}"
NAMES, IDS = (Repository("acme", "app", "111", "222", ids=ids) for ids in (False, True))
FILE = ".github/workflows/deploy.yml"
REF = f"acme/app/{FILE}@refs/heads/main"
OLD = f"acme/app/{FILE}@refs/heads/old"

type Condition = dict[str, dict[str, Any]]


def exactly(*subjects: str, **claims: Any) -> Condition:
    """A condition with StringEquals on the subject, the audience and further claims."""
    listed: Any = list(subjects) if len(subjects) > 1 else subjects[0]
    keys = {"sub": listed, "aud": AUDIENCE, **claims}
    return {"StringEquals": {f"{PROVIDER}:{key}": value for key, value in keys.items()}}


def like(subject: str) -> Condition:
    """A condition with StringLike on the subject."""
    return {"StringLike": {f"{PROVIDER}:sub": subject}, "StringEquals": {f"{PROVIDER}:aud": AUDIENCE}}


def token(repository: Repository = NAMES, *, workflow: str = FILE, **about: str) -> Token:
    """A token of a job on main, whose workflow is of the ref that started it."""
    ref = about.setdefault("ref", "refs/heads/main")
    return Token(repository, job_workflow=f"acme/app/{workflow}@{ref}", **about)


DEV, PROD = (f"repo:acme/app:environment:{name}" for name in ("dev", "prod"))
DEV_IDS = "repo:acme@111/app@222:environment:dev"


@pytest.mark.parametrize(
    ("condition", "sent", "expected"),
    [
        # a job that enters an environment is no longer its branch or its tag
        (exactly("repo:acme/app:ref:refs/heads/main"), token(environment="dev"), False),
        (exactly(PROD), token(ref="refs/tags/v1.0.0"), False),
        (like("repo:acme/app:ref:refs/tags/*"), token(environment="release", ref="refs/tags/v1.0.0"), False),
        (like("repo:acme/app:ref:refs/tags/*"), token(ref="refs/tags/v1.0.0"), True),
        (exactly(PROD), token(environment="prod", ref="refs/tags/v1.0.0"), True),
        # letters count
        (
            exactly("repo:acme/app:environment:dev"),
            token(Repository("acme", "App", "1", "2"), environment="dev"),
            False,
        ),
        (exactly(DEV), token(Repository("Acme", "app", "1", "2"), environment="dev"), False),
        (exactly(DEV), token(environment="Dev"), False),
        (exactly(DEV), token(environment="dev"), True),
        # the form with ids, which repositories made after 2026-07-15 send, and those that opted in
        (exactly(DEV), token(IDS, environment="dev"), False),
        (exactly(DEV_IDS), token(IDS, environment="dev"), True),
        (exactly(DEV_IDS), token(NAMES, environment="dev"), False),
        (exactly(DEV, DEV_IDS), token(IDS, environment="dev"), True),
        (like("repo:acme@*/app@*:environment:dev"), token(IDS, environment="dev"), True),
        (
            like("repo:acme@*/app@*:environment:dev"),
            token(Repository("acme", "app", "9", "9", ids=True), environment="dev"),
            True,
        ),
        # too wide, each for somebody else
        ({"StringEquals": {f"{PROVIDER}:aud": AUDIENCE}}, token(Repository("stranger", "x", "8", "9")), True),
        (like("repo:acme/*"), token(Repository("acme", "other", "111", "3")), True),
        (like("repo:acme/app:*"), token(event="pull_request", ref="refs/pull/1/merge"), True),
        (exactly("repo:acme/app:pull_request"), token(event="pull_request", ref="refs/pull/1/merge"), True),
        (exactly(PROD), token(event="pull_request", ref="refs/pull/1/merge"), False),
        # the workflow's file as well
        (exactly(DEV, job_workflow_ref=REF), token(environment="dev"), True),
        (
            exactly(DEV, job_workflow_ref=REF),
            token(environment="dev", workflow=".github/workflows/x.yml"),
            False,
        ),
        (exactly(DEV, job_workflow_ref=REF), token(environment="dev", ref="refs/heads/x"), False),
        (exactly(DEV, job_workflow_ref=REF, aud=[AUDIENCE]), token(environment="dev"), True),
        (exactly(DEV, aud=["other", AUDIENCE]), token(environment="dev"), True),
        (exactly(DEV, aud=["other"]), token(environment="dev"), False),
    ],
)
def test_who_is_let_in(condition: Condition, sent: Token, expected: bool) -> None:
    """Whether a trust policy with this condition lets the token in."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": ARN},
        "Action": ASSUME,
        "Condition": condition,
    }

    assert expected is allows({"Statement": [statement]}, sent.request(ARN))


def told(condition: Condition, name: str = "dev") -> list[str]:
    """What the rules on trust say of an environment's role with this condition, whose job deploys as it should."""
    promoted = name == "prod"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": ARN},
        "Action": ASSUME,
        "Condition": condition,
    }
    role = {
        "RoleName": f"{name}-deploy",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    parameters = ("Environment", "GitHubOwner", "GitHubRepository", "GitHubOwnerId", "GitHubRepositoryId")
    template = {
        "Parameters": {one: {"Type": "String"} for one in parameters},
        "Resources": {"Deploy": {"Type": "AWS::IAM::Role", "Properties": role}},
    }
    workflow = {
        "name": "Deploy",
        "on": {"push": {"tags": ["v*"]} if promoted else {"branches": ["main"]}},
        "jobs": {
            "deploy": {
                "environment": name,
                "permissions": {"id-token": "write"},
                "steps": [{"run": f"bin/pipeline deploy {name}"}],
            }
        },
    }
    settings = f"""
[{name}.global.parameters]
stack_name = "{name}"
region = "eu-west-1"
[{name}.bootstrap.parameters]
GitHubOwner = "acme"
GitHubRepository = "app"
GitHubOwnerId = "111"
GitHubRepositoryId = "222"
[{name}.pipeline.parameters]
account = "111111111111"
deploy_role = "arn:aws:iam::111111111111:role/{name}-deploy"
promote_from = "{"dev" if promoted else ""}"
"""
    files = {
        "template.yaml": "Resources: { Topic: { Type: 'AWS::SNS::Topic' } }\n",
        "bootstrap/template.yaml": yaml.safe_dump(template, sort_keys=False),
        FILE: yaml.safe_dump(workflow, sort_keys=False),
        "samconfig.toml": settings + TABLE,
    }
    project = Project(Path(), {file: text.encode() for file, text in files.items()})

    assert list(own.unreadable(project)) == []
    return [
        finding.message
        for rule in ("trust_policy", "trust_matrix", "empty_condition")
        for finding in own.apply(RULES[rule], project)
    ]


@pytest.mark.parametrize(
    "condition",
    [
        exactly(DEV, DEV_IDS, job_workflow_ref=REF),
        exactly(DEV_IDS, DEV, job_workflow_ref=[REF]),
        exactly(DEV, DEV_IDS, aud=[AUDIENCE], job_workflow_ref=REF, repository_id="222"),
        {**exactly(DEV, DEV_IDS, job_workflow_ref=REF), "StringLike": {f"{PROVIDER}:ref": "refs/heads/*"}},
    ],
)
def test_a_policy_that_is_right(condition: Condition) -> None:
    """Both forms of the environment's subject and the one workflow, exactly; a further claim narrows it."""
    assert told(condition) == []


@pytest.mark.parametrize(
    ("name", "condition", "said"),
    [
        ("dev", exactly("repo:acme/app:ref:refs/heads/main"), f"{DEV} is refused"),
        ("prod", exactly("repo:acme/app:ref:refs/tags/v1.0.0"), "can't become prod-deploy"),
        ("prod", like("repo:acme/app:ref:refs/tags/*"), "can't become prod-deploy"),
        ("dev", exactly("repo:acme/App:environment:dev", DEV_IDS), f"{DEV} is refused"),
        # a repository that has opted into ids, or that hasn't yet: the missing form is named
        ("dev", exactly(DEV), f"the form {DEV_IDS} of the subject is not trusted"),
        ("dev", exactly(DEV_IDS), f"the form {DEV} of the subject is not trusted"),
        ("dev", exactly(DEV), f"{DEV_IDS} is refused"),
        ("dev", like("repo:acme@*/app@*:environment:dev"), "StringLike is not an exact match"),
        ("dev", exactly(DEV, "repo:acme@*/app@*:environment:dev"), "is not the subject of dev's jobs"),
        ("prod", {"StringEquals": {f"{PROVIDER}:aud": AUDIENCE}}, f"nothing is demanded of {PROVIDER}:sub"),
        ("prod", like("repo:acme/*"), "StringLike is not an exact match"),
        ("prod", like("repo:acme/*"), "can be taken by"),
        ("prod", like("repo:acme/app:*"), "a pull request"),
        (
            "prod",
            exactly(PROD, "repo:acme/app:pull_request"),
            "repo:acme/app:pull_request is not the subject",
        ),
        ("prod", exactly(PROD, "repo:acme/app:pull_request"), "can be taken by a pull request"),
        # another file than the one that deploys, or the right one at another ref
        ("dev", exactly(DEV, DEV_IDS, job_workflow_ref=REF.replace("deploy", "other")), f"{DEV} is refused"),
        ("prod", exactly(PROD, job_workflow_ref=REF), "can't become prod-deploy"),
        ("dev", exactly(DEV, DEV_IDS), f"nothing is demanded of {PROVIDER}:job_workflow_ref"),
        ("dev", exactly(DEV, DEV_IDS), "can be taken by a job whose workflow isn't told"),
        ("dev", exactly(DEV, DEV_IDS, job_workflow_ref=[REF, OLD]), f"the workflow is not {REF} alone"),
        ("dev", exactly(DEV, DEV_IDS, job_workflow_ref=OLD), f"the workflow is not {REF} alone"),
        (
            "dev",
            {**exactly(DEV, DEV_IDS), "StringLike": {f"{PROVIDER}:job_workflow_ref": f"acme/app/{FILE}@*"}},
            "StringLike is not an exact match",
        ),
        (
            "dev",
            {**exactly(DEV, DEV_IDS), "StringLike": {f"{PROVIDER}:job_workflow_ref": f"acme/app/{FILE}@*"}},
            "can be taken by .github/workflows/deploy.yml as a tag has it",
        ),
        # claims that GitHub sends and STS doesn't know: whoever asks for one lets nobody in, or everybody
        (
            "dev",
            exactly(DEV, DEV_IDS, job_workflow_ref=REF, runner_environment="github-hosted"),
            "STS knows no",
        ),
        (
            "dev",
            exactly(DEV, DEV_IDS, job_workflow_ref=REF, runner_environment="github-hosted"),
            f"{DEV} is refused",
        ),
        ("dev", exactly(DEV, DEV_IDS, job_workflow_ref=REF, ref_protected="true"), f"{DEV} is refused"),
        ("dev", exactly(DEV, DEV_IDS, aud=["other"]), f"the audience is not {AUDIENCE} alone"),
        ("dev", exactly(DEV, DEV_IDS, aud=[AUDIENCE, "other"]), f"the audience is not {AUDIENCE} alone"),
    ],
)
def test_a_policy_that_is_not(name: str, condition: Condition, said: str) -> None:
    """It is told of before anybody merges it: who gets in that should not, or who should and does not."""
    assert [said] == [said for message in told(condition, name) if said in message][:1]
