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
