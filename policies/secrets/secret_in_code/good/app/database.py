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


def rotate(client, arn):
    answer = client.get_secret_value(SecretId=arn)
    value = json.loads(answer["SecretString"])
    is_there = answer.get("SecretString") is not None
    log.info("%s of %s, for %s: %s", answer["VersionId"], arn, value["username"], is_there)
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(value))


def begin():
    run(["ls"], env=dict(os.environ))
    return configure(os.environ)
