"""The application is tried as it runs: what its tests share with those of its platform part, and nothing else."""

from tests.running import built, client, flask_app, ledger, migrated, offline, secrets_manager

__all__ = ("built", "client", "flask_app", "ledger", "migrated", "offline", "secrets_manager")
