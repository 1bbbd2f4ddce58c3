"""Code of the documents is tried beside the application."""

from tests.running import built, offline

__all__ = ("built", "offline")
