"""The fixtures of the application's tests: rotation works on the same database and secret."""

from tests.app.conftest import migrated, secrets_manager, template

__all__ = ("migrated", "secrets_manager", "template")
