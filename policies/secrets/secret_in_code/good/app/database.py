import logging
import os

log = logging.getLogger(__name__)
KEY = "password"


def connect(secret: dict[str, str]) -> None:
    arn = os.environ["DATABASE_SECRET_ARN"]
    log.info("connecting as %s", secret["username"])
    open_database(password=secret["password"])
    token = "" if arn else "next_token"
    fetch(token)
