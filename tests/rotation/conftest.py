"""The fixtures of the application's tests: rotation works on the same database and secret."""

from tests.running import ledger, migrated, secrets_manager

__all__ = ("ledger", "migrated", "secrets_manager")
