"""What an administrator does once in each account: the database's master secret, then bootstrap/template.yaml."""

import base64
import json
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.base.run import CHECKOUT
from pipeline.base.standstill import Stillness
from pipeline.source import located
from sandbox.accounts import Account, account
from sandbox.aws import Aws
from sandbox.errors import SandboxError
from sandbox.github.event import Repository
from sandbox.postgres import PostgreSQL

TEMPLATE = CHECKOUT / "bootstrap" / "template.yaml"


def bootstrap(
    aws: Aws,
    postgres: PostgreSQL,
    to: Account,
    repository: Repository,
    among: Iterable[Account],
    template: Path = TEMPLATE,
) -> None:
    """Make an account ready to be deployed to from a repository. Raises SandboxError with the resources that failed.

    Waits for the bootstrap of the environment that it promotes from, which is one of `among`.
    """
    application, stack = to.settings.application, to.settings.application.bootstrap_stack
    answers = {
        "Name": application.name,
        "Environment": to.environment,
        "GitHubOwner": repository.owner,
        "GitHubRepository": repository.name,
        "GitHubOwnerId": str(repository.owner_id),
        "GitHubRepositoryId": str(repository.id),
        "GitHubBranch": application.branch,
        "CreateOidcProvider": str(to.alone).lower(),
        "SetApiGatewayAccount": str(to.alone).lower(),
        "KeepsLedger": str(application.ledger).lower(),
        "DatabaseHost": postgres.host,
        "DatabasePort": str(postgres.port),
        "DatabaseName": postgres.administrator.database,
        "DatabaseTls": postgres.verified["sslmode"],
        "DatabaseAdminSecretArn": _master_secret(aws, postgres, to),
        "ArtifactReaderAccounts": ",".join(to.read_by),
        "PromotionSourceBucket": "",
        "PromotionSourceKey": "",
    }
    if to.promotes_from:
        source = account(to.promotes_from, among)
        answers["PromotionSourceBucket"] = source.artifacts
        answers["PromotionSourceKey"] = _signing_key(aws, source)
    cloudformation = aws.client("cloudformation", to.environment)
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=located.read(template, template.name).compact,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in answers.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    status = _settled(cloudformation, stack)
    if status != "CREATE_COMPLETE":
        reasons = "\n".join(f"  | {reason}" for reason in failures(cloudformation, stack))
        raise SandboxError(
            f"The bootstrap of {application.name} in {to.environment} (account {to.number}) ended in {status}.",
            f"Look at {template}, and at {aws.log}.\n{reasons}".rstrip(),
        )


def failures(cloudformation: Any, stack: str) -> list[str]:
    """What CloudFormation says of each resource that failed, in the order in which it happened."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason")
    ]


def _signing_key(aws: Aws, source: Account) -> str:
    """The public half of an environment's signing key, DER in base64; waits for its account's bootstrap."""
    application, environment = source.settings.application, source.environment
    client, cloudformation = (aws.client(service, environment) for service in ("kms", "cloudformation"))
    stillness = Stillness()
    while True:
        try:
            answer = client.get_public_key(KeyId=application.signing_key(environment))
            return base64.b64encode(answer["PublicKey"]).decode()
        except client.exceptions.NotFoundException:
            if stillness.over(lambda: _events(cloudformation, application.bootstrap_stack)):
                raise
        time.sleep(0.05)


def _settled(cloudformation: Any, stack: str) -> str:
    stillness = Stillness()
    while True:
        status: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or stillness.over(lambda: _events(cloudformation, stack)):
            return status
        time.sleep(0.1)


def _events(cloudformation: Any, stack: str) -> int:
    """How much has happened to the stack; nothing while it isn't there."""
    try:
        return len(cloudformation.describe_stack_events(StackName=stack)["StackEvents"])
    except ClientError:
        return 0


def _master_secret(aws: Aws, postgres: PostgreSQL, to: Account) -> str:
    """Keep the master user's password as RDS does with a managed one; returns the secret's ARN.

    RDS keeps these two members alone: AWS's own rotation function tells its secrets by that
    (aws-samples/aws-secrets-manager-rotation-lambdas, "RDS-made Master Secret").
    """
    admin = postgres.administrator
    made = aws.client("secretsmanager", to.environment).create_secret(
        Name=f"rds!db-{uuid.uuid4()}",
        Description=f"Master user of {admin.database}",
        SecretString=json.dumps({"username": admin.user, "password": admin.password}),
    )
    return str(made["ARN"])
