import logging
import os

log = logging.getLogger(__name__)
PASSWORD = "correct-horse" # fault
URL = "postgresql://ledger:correct-horse@db/ledger" # fault


def connect(secret: dict[str, str]) -> None:
    password = os.environ["DB_PASSWORD"] # fault
    other = os.environ.get("API_TOKEN") # fault
    log.info("connecting with %s", password) # fault
    print(f"secret: {secret['password']}") # fault
    open_database(password="correct-horse") # fault


def rotate(client, arn):
    answer = client.get_secret_value(SecretId=arn)
    value = json.loads(answer["SecretString"])
    log.info("the old one: %s", value) # fault
    print(answer) # fault
    fresh = dict(value)
    fresh["password"] = client.get_random_password()["RandomPassword"]
    log.debug(f"the new one: {json.dumps(fresh)}") # fault
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(fresh))


def explain(error):
    return problem(500, str(error), environment=dict(os.environ)) # fault
