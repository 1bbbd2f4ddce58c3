"""Tokens by which IAM lets a role of AWS into a database of Amazon RDS: no password that could leak or must rotate.

A token is a request that is signed here and sent to nobody but the database, in the password's place. It opens new
connections for 15 minutes; one that is open stays.
Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from app import log
from app.config import DatabaseConfig
from app.secret import Credentials, Kept
from app.sigv4 import Keys, presigned

USER = "ledger_iam"  # the database's user whom template.yaml lets the application's role become
_SECONDS = 900


def token(config: DatabaseConfig, environ: Mapping[str, str] = os.environ) -> Credentials:
    """The user and a new token, by the function's own credentials."""
    access_key, secret_key, session = (
        environ.get(f"AWS_{name}", "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
    )
    log.mask(secret_key)
    signed = presigned(
        host=f"{config.host}:{config.port}",
        query={"Action": "connect", "DBUser": USER},
        service="rds-db",
        region=environ["AWS_REGION"],
        keys=Keys(access_key, secret_key, session or None),
        now=datetime.now(UTC),
        seconds=_SECONDS,
    )
    return Credentials(USER, signed)


def tokens(config: DatabaseConfig) -> Kept[Credentials]:
    """A token for each connection: none is kept."""
    return Kept(lambda: token(config), lifetime=0.0)
