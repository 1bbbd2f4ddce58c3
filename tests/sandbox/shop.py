"""An application of the tests' own, so that what they assert hangs on no samconfig.toml of the repository."""

from pathlib import Path

from sandbox.accounts import Account, accounts
from tests.pipeline.applications import TABLE

_ENVIRONMENT = """
[{name}.global.parameters]
stack_name = "{application}-{name}"
region = "eu-west-1"
[{name}.deploy.parameters]
s3_bucket = "{application}-{name}-artifacts-{account}"
s3_prefix = "packages"
role_arn = "arn:aws:iam::{account}:role/{application}-{name}-execution"
capabilities = ["CAPABILITY_IAM"]
tags = ["application={application}"]
parameter_overrides = ['Environment="{name}"']
[{name}.pipeline.parameters]
account = "{account}"
deploy_role = "arn:aws:iam::{account}:role/{application}-{name}-deploy"
promote_from = "{source}"
soak_minutes = 0
"""


def written(folder: Path, application: str = "shop") -> Path:
    """A samconfig.toml in `folder`, of dev 111111111111, prod 222222222222 and the laptop."""
    table = TABLE.replace('"esclusa"', f'"{application}"')
    for name, account, source in (
        ("dev", "111111111111", ""),
        ("prod", "222222222222", "dev"),
        ("local", "000000000000", ""),
    ):
        table += _ENVIRONMENT.format(name=name, account=account, source=source, application=application)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "samconfig.toml").write_text(table, encoding="utf-8")
    return folder


def shop(folder: Path) -> tuple[Account, ...]:
    """Its accounts: dev, prod, and the laptop's."""
    return accounts(written(folder))
