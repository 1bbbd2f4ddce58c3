"""The sandbox's AWS accounts: one an environment, as the application's samconfig.toml says.

Two applications may share the accounts. What an account has once is made by the first (Account.alone).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pipeline.base.run import CHECKOUT
from pipeline.source import samconfig
from pipeline.source.environments import LAPTOP_ACCOUNT
from pipeline.source.samconfig import Environment


@dataclass(frozen=True)
class Account:
    """An environment of an application, with its settings, and the account that it lives in.

    `read_by` are the accounts that promote from here; `alone` is whether no other application came first.
    """

    settings: Environment
    read_by: tuple[str, ...] = ()
    alone: bool = True

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.settings.name

    @property
    def number(self) -> str:
        """12 digits; on the emulator also the access key id of the account's root."""
        return self.settings.account

    @property
    def region(self) -> str:
        """Where the environment lives."""
        return self.settings.region

    @property
    def promotes_from(self) -> str:
        """The environment whose bundles this one takes over; empty for none."""
        return self.settings.promote_from

    @property
    def database(self) -> str:
        """Name of the environment's database."""
        return self.settings.application.prefix(self.environment).replace("-", "_")

    @property
    def artifacts(self) -> str:
        """Name of the bucket that bootstrap/template.yaml makes for bundles."""
        return self.settings.application.artifact_bucket(self.environment, self.number)

    def beside(self) -> "Account":
        """The same, where another application lives in the account already."""
        return replace(self, alone=False)


@cache
def accounts(folder: Path = CHECKOUT) -> tuple[Account, ...]:
    """Every account of the application in `folder`, the laptop's last. Raises ConfigurationError."""
    environments = samconfig.read_all(folder).values()
    readers = {one.promote_from: one.account for one in environments}
    return tuple(
        Account(one, tuple(number for source, number in readers.items() if source == one.name))
        for one in sorted(environments, key=lambda one: one.account == LAPTOP_ACCOUNT)
    )


def pair(folder: Path = CHECKOUT) -> tuple[Account, ...]:
    """Those that the workflows deploy to. Raises ConfigurationError."""
    return tuple(one for one in accounts(folder) if one.number != LAPTOP_ACCOUNT)


def account(name: str, among: Iterable[Account] | None = None) -> Account:
    """The account with this environment's name or this number. Raises KeyError."""
    for one in accounts() if among is None else among:
        if name in (one.environment, one.number):
            return one
    raise KeyError(f"{name!r} is neither an environment nor an account of the sandbox")
