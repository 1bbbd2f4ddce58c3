"""The sandbox's AWS accounts: one an environment, as in samconfig.toml."""

from dataclasses import dataclass

NAME, REGION = "esclusa", "eu-west-1"
OWNER, OWNER_ID = "acme", "1001"
REPOSITORY, REPOSITORY_ID = "ledger", "2002"


@dataclass(frozen=True)
class Account:
    """An environment, the account that it lives in, and the database that belongs to it."""

    environment: str
    number: str  # 12 digits; on the emulator also the access key id of the account's root
    promotes_from: str = ""
    read_by: tuple[str, ...] = ()

    @property
    def database(self) -> str:
        """Name of the environment's database."""
        return f"ledger_{self.environment}"

    @property
    def artifacts(self) -> str:
        """Name of the bucket that bootstrap/template.yaml makes for bundles."""
        return f"esclusa-{self.environment}-artifacts-{self.number}"


ACCOUNTS = (
    Account("dev", "111111111111", read_by=("222222222222",)),
    Account("prod", "222222222222", promotes_from="dev"),
    Account("local", "000000000000"),
)
PAIR = ACCOUNTS[:2]  # those that the workflows deploy to


def account(name: str) -> Account:
    """The account with this environment's name or this number. Raises KeyError."""
    for each in ACCOUNTS:
        if name in (each.environment, each.number):
            return each
    raise KeyError(f"{name!r} is neither an environment nor an account of the sandbox")
