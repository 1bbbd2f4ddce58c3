"""The platform part of the application is tried as it runs."""

from tests.running import built, client, environ, flask_app, ledger, migrated, offline, secrets_manager

__all__ = ("built", "client", "environ", "flask_app", "ledger", "migrated", "offline", "secrets_manager")
