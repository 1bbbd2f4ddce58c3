"""A second application of another name in the accounts of the first: both serve, and neither touches the other."""

import copy
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from pipeline.base.run import CHECKOUT, run
from sandbox.accounts import Account, account, accounts
from sandbox.bootstrap import bootstrap
from sandbox.github.event import Repository
from sandbox.reach import Reach
from sandbox.state import Sandbox
from tests.e2e.test_releases import Team

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
NAME, REPOSITORY, DEV = "depot-2", "depots/two", "dev"
_KEPT = (
    "app",
    "bootstrap/template.yaml",
    "pyproject.toml",
    "uv.lock",
    ".python-version",
    "policies/waivers.toml",
)
_APPLICATION = """
version = 0.1
[application]
name = "{name}"
repository = "{repository}"
branch = "main"
ledger = false
url = "Address"
health = ["/alive"]
version = "/release"
[application.code.stock]
folders = ["app", "depot"]
group = "lambda"
"""
_ENVIRONMENT = """
[{env}.global.parameters]
stack_name = "{name}-{env}"
region = "{region}"
[{env}.deploy.parameters]
s3_bucket = "{name}-{env}-artifacts-{number}"
s3_prefix = "packages"
role_arn = "arn:aws:iam::{number}:role/{name}-{env}-execution"
capabilities = ["CAPABILITY_IAM"]
fail_on_empty_changeset = false
tags = ["application={name}", "environment={env}"]
parameter_overrides = [
    'Environment="{env}"',
    'PermissionsBoundaryArn="arn:aws:iam::{number}:policy/{name}-{env}-boundary"',
    'DataKeyArn="/{name}/{env}/data-key-arn"',
    'Commit="unreleased"',
    'BundleDigest="unreleased"',
    'ReleaseDigest="unreleased"',
]
[{env}.pipeline.parameters]
account = "{number}"
deploy_role = "arn:aws:iam::{number}:role/{name}-{env}-deploy"
promote_from = ""
soak_minutes = 0
"""


@dataclass
class Depot(Team):
    """Who releases the second application: everything of the first team's, with other names."""

    def bring(self) -> None:
        """Build the bundle of the commit, and deploy it to dev. Raises AssertionError with what was said."""
        built = self.pipeline("build", "bundle")
        assert built.status == 0, built.stdout + built.stderr
        digest = built.stdout.rsplit("bundle ", 1)[1].split()[0]
        done = self.pipeline(DEV, "deploy", DEV, "--bundle", digest)
        assert done.status == 0, done.stdout + done.stderr


def written(folder: Path, beside: Account) -> Path:
    """The second application's repository, which lives where `beside` does."""
    for name in _KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        source = CHECKOUT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    shutil.copytree(CHECKOUT / "tests/e2e/depot/depot", folder / "depot")
    shutil.copy(CHECKOUT / "tests/e2e/depot/template.yaml", folder / "template.yaml")
    text = _APPLICATION.format(name=NAME, repository=REPOSITORY)
    text += _ENVIRONMENT.format(name=NAME, env=DEV, region=beside.region, number=beside.number)
    (folder / "samconfig.toml").write_text(text, encoding="utf-8")
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all", "--", ".", ":(exclude)*/__pycache__/*"],  # which lies beside what was copied
        ["commit", "--quiet", "-m", "The depot"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *words], cwd=folder)
    return folder


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Team, Depot]]:
    """Both applications on dev of one account, the second bootstrapped and deployed after the first."""
    os.umask(0o022)
    folder = tmp_path_factory.mktemp("two")
    first = account(DEV)
    with Sandbox(folder / "box", accounts=(first,)) as box:
        one = Team(box, box.github.remote.clone)
        done = one.bring_to_dev("v1.0.0")
        assert done.status == 0, done.stdout + done.stderr
        clone = written(folder / "depot", first)
        second = tuple(each.beside() for each in accounts(clone))
        aws = copy.copy(box.aws)
        aws.accounts = second
        bootstrap(aws, box.postgres[DEV], second[0], Repository.of(REPOSITORY, "main"), second)
        other = Depot(box, clone, others=aws)
        other.bring()
        yield one, other


def reach(team: Team) -> Reach:
    return Reach(team.aws, DEV)


def test_both_serve(teams: tuple[Team, Depot]) -> None:
    """Each answers as itself, after the other was deployed."""
    one, other = teams
    commits = [reach(one).get("/version"), reach(other).get("/release")]

    assert [team.git("rev-parse", "HEAD") for team in teams] == [said["commit"] for said in commits]
    assert {"crates": 12} == reach(other).get("/stock")
    assert {"status": "ok"} == reach(one).get("/ready")
    assert reach(one).url != reach(other).url


def test_neither_has_drifted(teams: tuple[Team, Depot]) -> None:
    """What was deployed of each is what its git says, its bootstrap included."""
    for team in teams:
        done = team.pipeline(DEV, "drift", DEV)

        assert (0, f"{DEV}: no differences\n") == (done.status, done.stdout), done.stderr


def session(team: Team) -> boto3.Session:
    keys = team._role(DEV)
    return boto3.Session(
        keys["AWS_ACCESS_KEY_ID"],
        keys["AWS_SECRET_ACCESS_KEY"],
        keys["AWS_SESSION_TOKEN"],
        region_name=reach(team).settings.region,
    )


def touched(by: Team, whose: Team) -> dict[str, str]:
    """What comes of each attempt of a deploy role on an application: "done", or the error's code."""
    settings, own = reach(whose).settings, session(by)
    bucket, application = settings.bucket, settings.application
    calls: dict[str, Any] = {
        "look at the stack": lambda c: c("cloudformation").describe_stacks(StackName=settings.stack_name),
        "read its template": lambda c: c("cloudformation").get_template(StackName=settings.stack_name),
        "read its bootstrap": lambda c: c("cloudformation").get_template(
            StackName=application.bootstrap_stack
        ),
        "write a bundle": lambda c: c("s3").put_object(Bucket=bucket, Key="bundles/tried", Body=b"x"),
        "read a bundle": lambda c: c("s3").get_object(Bucket=bucket, Key="bundles/tried"),
        "read a value": lambda c: c("ssm").get_parameter(Name=f"{application.parameters(DEV)}/data-key-arn"),
        "look at a function": lambda c: c("lambda").get_function(
            FunctionName=next(iter(reach(whose).resources("AWS::Lambda::Function").values()))
        ),
        "sign": lambda c: c("kms").sign(
            KeyId=_key(whose), Message=b"x" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
        ),
    }
    return {
        name: _outcome(call, lambda service: by.aws.client(service, DEV, own)) for name, call in calls.items()
    }


def _key(team: Team) -> str:
    alias = reach(team).settings.application.signing_key(DEV)
    return str(team.aws.client("kms", DEV).describe_key(KeyId=alias)["KeyMetadata"]["Arn"])


def _outcome(call: Any, client: Any) -> str:
    try:
        call(client)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_neither_deploy_role_touches_the_other(teams: tuple[Team, Depot], order: tuple[int, int]) -> None:
    """What the role may on its own, it may not on the other's: stack, bootstrap, bucket, values, functions, key."""
    by, other = (teams[index] for index in order)
    own, others = touched(by, by), touched(by, other)

    assert {"done"} == set(own.values())
    assert dict.fromkeys(own, True) == {name: "Denied" in code for name, code in others.items()}, others


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_neither_reads_the_others_secret(teams: tuple[Team, Depot], order: tuple[int, int]) -> None:
    """Nor its own: a deploy role is refused every secret."""
    by = teams[order[0]]
    client = by.aws.client("secretsmanager", DEV, session(by))

    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_secret_value(SecretId=reach(teams[0]).secret_arns()[0])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_neither_token_opens_the_others_role(teams: tuple[Team, Depot], order: tuple[int, int]) -> None:
    """A job of one repository in its environment dev is no job of the other's."""
    by, other = (teams[index] for index in order)

    with pytest.raises(ClientError, match="AccessDenied"):
        by.assume(DEV, reach(other).deploy_role)


def test_a_taken_name_is_told(teams: tuple[Team, Depot]) -> None:
    """Another bootstrap of the name finds the stack there, and takes over nothing."""
    one, _ = teams
    with pytest.raises(ClientError, match="AlreadyExists"):
        bootstrap(
            one.aws,
            one.box.postgres[DEV],
            one.aws.of(DEV).beside(),
            Repository.of(REPOSITORY, "main"),
            one.aws.accounts,
        )
