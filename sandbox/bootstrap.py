"""What an administrator does once in each account: the database's master secret, then bootstrap/template.yaml."""

import base64
import json
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from pipeline.base.run import CHECKOUT
from pipeline.base.standstill import Stillness
from sandbox.accounts import NAME, OWNER, OWNER_ID, REPOSITORY, REPOSITORY_ID, Account, account
from sandbox.aws import Aws
from sandbox.errors import SandboxError
from sandbox.postgres import PostgreSQL

STACK = "esclusa-bootstrap"
TEMPLATE = CHECKOUT / "bootstrap" / "template.yaml"


def bootstrap(aws: Aws, postgres: PostgreSQL, to: Account) -> None:
    """Make an account ready to be deployed to. Raises SandboxError with the resources that failed."""
    answers = {
        "Name": NAME,
        "Environment": to.environment,
        "GitHubOwner": OWNER,
        "GitHubRepository": REPOSITORY,
        "GitHubOwnerId": OWNER_ID,
        "GitHubRepositoryId": REPOSITORY_ID,
        "DatabaseHost": postgres.host,
        "DatabasePort": str(postgres.port),
        "DatabaseName": postgres.administrator.database,
        "DatabaseTls": "disable",
        "DatabaseAdminSecretArn": _master_secret(aws, postgres, to),
        "ArtifactReaderAccounts": ",".join(to.read_by),
        "PromotionSourceBucket": account(to.promotes_from).artifacts if to.promotes_from else "",
        "PromotionSourceKey": _signing_key(aws, to.promotes_from) if to.promotes_from else "",
    }
    cloudformation = aws.client("cloudformation", to.environment)
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in answers.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    status = _settled(cloudformation)
    if status != "CREATE_COMPLETE":
        reasons = "\n".join(f"  | {reason}" for reason in failures(cloudformation, STACK))
        raise SandboxError(
            f"The bootstrap of {to.environment} (account {to.number}) ended in {status}.",
            f"Look at {TEMPLATE.relative_to(CHECKOUT)}, and at {aws.log}.\n{reasons}".rstrip(),
        )


def failures(cloudformation: Any, stack: str) -> list[str]:
    """What CloudFormation says of each resource that failed, in the order in which it happened."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason")
    ]


def _signing_key(aws: Aws, environment: str) -> str:
    """The public half of an environment's signing key, DER in base64; waits for its account's bootstrap."""
    client = aws.client("kms", environment)
    cloudformation, stillness = aws.client("cloudformation", environment), Stillness()
    while True:
        try:
            answer = client.get_public_key(KeyId=f"alias/esclusa-{environment}-signing")
            return base64.b64encode(answer["PublicKey"]).decode()
        except client.exceptions.NotFoundException:
            if stillness.over(lambda: _events(cloudformation)):
                raise
        time.sleep(0.05)


def _settled(cloudformation: Any) -> str:
    stillness = Stillness()
    while True:
        status: str = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or stillness.over(lambda: _events(cloudformation)):
            return status
        time.sleep(0.1)


def _events(cloudformation: Any) -> int:
    """How much has happened to the stack; nothing while it isn't there."""
    try:
        return len(cloudformation.describe_stack_events(StackName=STACK)["StackEvents"])
    except ClientError:
        return 0


def _master_secret(aws: Aws, postgres: PostgreSQL, to: Account) -> str:
    """Keep the master user's password as RDS does with a managed one; returns the secret's ARN."""
    admin = postgres.administrator
    made = aws.client("secretsmanager", to.environment).create_secret(
        Name=f"rds!db-{uuid.uuid4()}",
        Description=f"Master user of {admin.database}",
        SecretString=json.dumps(
            {
                "engine": "postgres",
                "host": postgres.host,
                "port": postgres.port,
                "dbname": admin.database,
                "username": admin.user,
                "password": admin.password,
            }
        ),
    )
    return str(made["ARN"])
